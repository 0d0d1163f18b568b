import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { after, before, describe, test } from 'node:test';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { openProxySocket } from '../../../activities/hosts/proxySocket.ts';
import { createJobActivities } from '../../../activities/jobs/jobActivities.ts';
import { createClientTools } from '../../../activities/postgres/clientTools.ts';
import { giveOrder, spawnKeeper } from '../../../activities/warehouse/keeperProcess.ts';
import type { KeeperOrder } from '../../../activities/warehouse/inPlace/toolKeeper.ts';
import { openScalingoCli } from '../../../activities/services/scalingoCli.ts';
import { runActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';

const canary = 'canary-4b1f';
const root = join(import.meta.dirname, '..', '..', '..');

describe('the environment of the processes that are started here', () => {
  let directory: string;
  const file = (name: string): string => join(directory, name);
  const program = (name: string, text: string): string => {
    writeFileSync(file(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return file(name);
  };
  const tellEnvironment = 'tr "\\0" "\\n" </proc/self/environ';

  /** What the worker holds is not in it; what the child needs is. */
  const judge = (environment: string, ...needed: string[]): void => {
    assert.doesNotMatch(environment, new RegExp(canary));
    for (const name of ['PATH', ...needed]) assert.match(environment, new RegExp(`^${name}=`, 'm'), environment);
  };

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'nightshift-environment-'));
    for (const name of [
      'TEMPORAL_API_KEY',
      'NIGHTSHIFT_SECRET_X',
      'PGPASSWORD',
      'SCALINGO_API_TOKEN',
      'NODE_OPTIONS_X',
      'CREDENTIALS_DIRECTORY',
    ])
      process.env[name] = canary;
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('holds nothing of the worker for a command on its own machine, and for a job', async () => {
    const ref: HostRef = {
      ...{ name: 'here', address: '127.0.0.1', reach: { kind: 'local' }, stateDirectory: file('state') },
      serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
    };
    const hosts = createHosts({ resolveSecret: async () => '' });
    const host = await hosts.openHost(ref);
    judge((await host.run(['sh', '-c', tellEnvironment])).stdout, 'HOME');
    const jobs = createJobActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
    const job = { host: ref, job: 'nightshift-test-environment' };
    // The one that runs the job as well as its command.
    await runActivity(() => jobs.startJob({ ...job, command: ['sh', '-c', `${tellEnvironment}; tr "\\0" "\\n" <"/proc/$PPID/environ"`] }));
    const { log, exitCode } = await runActivity(() => jobs.watchJob({ ...job, watchSeconds: 60 }));
    assert.equal(exitCode, 0, log);
    judge(log, 'JOB_DIRECTORY');
    await runActivity(() => jobs.discardJob(job));
    await hosts.close();
  });

  test('holds nothing of the worker for a proxy command', async () => {
    const socket = openProxySocket(['sh', '-c', tellEnvironment]);
    let told = '';
    socket.on('data', (chunk: Buffer) => (told += chunk.toString()));
    await finished(socket, { writable: false }).catch(() => undefined);
    judge(told);
  });

  test("holds nothing of the worker for PostgreSQL's tools, except where the database is", async () => {
    for (const name of ['psql', 'pg_dump'])
      program(name, `${tellEnvironment} >'${file(`${name}.environment`)}'; echo 15.4; ${tellEnvironment}`);
    const tools = createClientTools(directory);
    const options = { url: 'postgres://reader:right@127.0.0.1:5432/data', application: 'nightshift test' };
    judge(await tools.run('psql', [], options), 'PGPASSWORD', 'PGAPPNAME');
    const open = tools.open('psql', [], options);
    open.stdin.end();
    let told = '';
    for await (const chunk of open.stdout) told += String(chunk);
    await open.done;
    judge(told, 'PGPASSWORD');
    await tools.version();
    judge(readFileSync(file('pg_dump.environment'), 'utf8'));
  });

  test('holds nothing of the worker for a keeper, who outlives it, and for the tool that it keeps', async () => {
    const keeper = spawnKeeper(new URL('../../../activities/warehouse/inPlace/toolKeeper.ts', import.meta.url), 'ignore');
    const its = (): string => readFileSync(`/proc/${keeper.pid}/environ`, 'utf8').replaceAll('\0', '\n');
    await waitUntil('it is another program', () => its() !== '');
    judge(its());
    writeFileSync(file('attended'), '');
    giveOrder(keeper, {
      ...{ program: 'sh', args: ['-c', `${tellEnvironment} >'${file('tool')}'`], env: { PGPASSWORD: 'right' } },
      ...{ log: file('log'), result: file('result'), attended: file('attended'), idleSeconds: 60 },
    } satisfies KeeperOrder);
    await waitUntil('the tool has ended', () => existsSync(file('result')));
    judge(readFileSync(file('tool'), 'utf8'), 'PGPASSWORD');
  });

  test('holds nothing of the worker for the CLI of Scalingo, except its own token', async () => {
    const command = program('scalingo', tellEnvironment);
    const app = { kind: 'scalingo', command, region: 'r', app: 'a', token: 't' } as const;
    judge(await openScalingoCli(app, async () => 'right', new AbortController().signal)(['ps'], 30), 'SCALINGO_API_TOKEN');
  });

  test('is said wherever a process is started', async () => {
    let started = 0;
    for await (const path of glob(['activities/**/*.ts', 'workers/**/*.ts'], { cwd: root })) {
      const text = await readFile(join(root, path), 'utf8');
      const starts = [...text.matchAll(/(?<![\w.])(?:execa|spawn|execFile|execFileSync|exec|fork)\(/g)].length;
      if (starts === 0) continue;
      started += 1;
      assert.match(text, /env: childEnvironment\(/, path);
      assert.ok(!/\bexeca\(/.test(text) || /extendEnv: false/.test(text), path);
    }
    assert.ok(started >= 6);
  });
});
