import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';

import { freePort } from '../../../deploy/lab/freePort.ts';
import { createHostActivities } from '../../../activities/hosts/hostActivities.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createSecretResolver } from '../../../activities/tools/resolveSecret.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { isRunning, sshServerMissing, startSshServer, type SshServer } from './sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';

/** Longer than a busy machine takes to shake hands. */
const connectTimeoutMs = 60_000;

describe('the connection to a host over SSH', { skip: sshServerMissing() }, () => {
  let server: SshServer;
  let hosts: ReturnType<typeof createHosts>;
  let said: string[];
  before(async () => void (server = await startSshServer()));
  after(() => server?.stop());
  beforeEach(() => {
    said = [];
    hosts = createHosts({
      resolveSecret: (name) => server.resolveSecret(name),
      log: (message) => said.push(message),
      settings: { connectTimeoutMs },
    });
  });
  afterEach(() => hosts.close());

  test('is refused before authentication when the host key is not the pinned one', async () => {
    const asked: string[] = [];
    const wary = createHosts({
      resolveSecret: (name) => {
        asked.push(name);
        return server.resolveSecret(name);
      },
    });
    const pinned = 'SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
    await assert.rejects(wary.openHost(server.ref({ hostKeys: [pinned] })), (error: Error & { type?: string; nonRetryable?: boolean }) => {
      assert.equal(error.type, 'HostKeyChanged');
      assert.equal(error.nonRetryable, true);
      assert.match(error.message, /over-ssh/);
      assert.ok(error.message.includes(server.hostKey) && error.message.includes(pinned));
      return true;
    });
    await wary.close();
  });

  test('is refused when the server came back with another host key', async () => {
    const ref = server.ref();
    const host = await hosts.openHost(ref);
    await host.run(['true']);
    const former = server.reach().hostKeys;
    server.dropConnections();
    await server.changeHostKey();
    try {
      await waitUntil('the loss is noticed', () => said.includes('connection to host lost'));
      await assert.rejects(host.run(['true']), { type: 'HostKeyChanged' });
    } finally {
      assert.deepEqual(server.reach().hostKeys, former);
      await server.stop();
      server = await startSshServer();
    }
  });

  test('tells a rejected key, a secret that is no key and a secret that is not there', async () => {
    await assert.rejects(hosts.openHost(server.ref({ privateKey: 'other-key' })), { type: 'CredentialsRejected', message: /"other-key"/ });
    await assert.rejects(hosts.openHost(server.ref({ privateKey: 'no-key' })), {
      type: 'CredentialsRejected',
      message: /"no-key" .* not a private key/,
    });
    const resolveSecret = createSecretResolver({ directories: [server.directory] });
    const fromFiles = createHosts({ resolveSecret });
    await assert.rejects(fromFiles.openHost(server.ref({ privateKey: 'absent' })), { type: 'SecretMissing' });
    await (await fromFiles.openHost(server.ref())).run(['true']);
    await fromFiles.close();
  });

  test('tells an address that refuses and one that never answers, within its time limit', async () => {
    await assert.rejects(hosts.openHost(server.ref({ port: await freePort() })), {
      type: 'HostUnreachable',
      message: /over-ssh .*ECONNREFUSED/,
    });
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const impatient = createHosts({ resolveSecret: (name) => server.resolveSecret(name), settings: { connectTimeoutMs: 500 } });
    await assert.rejects(impatient.openHost(server.ref({ port: (mute.address() as AddressInfo).port })), { type: 'HostUnreachable' });
    await impatient.close();
    mute.close();
  });

  test('is shared by callers at the same time, and kept', async () => {
    const opened = await Promise.all(Array.from({ length: 10 }, () => hosts.openHost(server.ref())));
    await Promise.all(opened.map((host) => host.run(['true'])));
    assert.deepEqual(said, ['connected to host']);
  });

  test('fails the command under way when it is dropped, and is made again for the next one', async () => {
    const host = await hosts.openHost(server.ref());
    const run = host.run(['sleep', '60']);
    run.catch(() => {});
    await host.run(['true']);
    server.dropConnections();
    await assert.rejects(run, { type: 'HostUnreachable' });
    assert.equal((await host.run(['echo', 'again'])).stdout, 'again\n');
    assert.equal(said.filter((line) => line === 'connected to host').length, 2);
  });

  test('runs fifty commands with never more sessions than sshd allows, and can still end one when all are taken', async () => {
    const host = await hosts.openHost(server.ref());
    const file = join(server.directory, 'pid-of-first');
    const abort = new AbortController();
    const first = host.run(['sh', '-c', `echo $$ > ${file}; exec sleep 60`], { signal: abort.signal });
    first.catch(() => {});
    await waitUntil('the first command tells its pid', () => existsSync(file) && readFileSync(file, 'utf8').includes('\n'));
    const rest = Array.from({ length: 50 }, (_, index) => host.run(['sh', '-c', 'sleep 0.2; echo "$1"', 'sh', String(index)]));
    abort.abort();
    await assert.rejects(first, { name: 'AbortError' });
    assert.equal(isRunning(Number(readFileSync(file, 'utf8'))), false);
    assert.deepEqual(
      (await Promise.all(rest)).map(({ stdout }) => Number(stdout)),
      Array.from({ length: 50 }, (_, index) => index),
    );
  });

  test('ends a command also while sshd counts more sessions than there are', async () => {
    const narrow = await startSshServer(['MaxSessions 2']);
    const few = createHosts({ resolveSecret: (name) => narrow.resolveSecret(name), settings: { connectTimeoutMs, commandsAtOnceMax: 2 } });
    const file = (name: string): string => join(narrow.directory, name);
    try {
      const host = await few.openHost(narrow.ref());
      const abort = new AbortController();
      const ending = host.run(
        ['sh', '-c', 'trap "echo told >$1; exit 0" TERM; echo >$2; while :; do sleep 0.1; done', 'sh', file('told'), file('runs')],
        {
          signal: abort.signal,
        },
      );
      ending.catch(() => {});
      const other = host.run(['sh', '-c', 'until [ -e "$1" ]; do sleep 0.05; done', 'sh', file('go')]);
      await waitUntil('the command runs', () => existsSync(file('runs')));
      abort.abort();
      setTimeout(() => writeFileSync(file('go'), ''), 200);
      await assert.rejects(ending, { name: 'AbortError' });
      assert.equal(readFileSync(file('told'), 'utf8'), 'told\n');
      await other;
    } finally {
      await few.close();
      await narrow.stop();
    }
  });

  test('lets a command that waits for a free session be cancelled', async () => {
    const host = await hosts.openHost(server.ref());
    const stop = new AbortController();
    const busy = Array.from({ length: 8 }, () => host.run(['sleep', '60'], { signal: stop.signal }));
    const abort = new AbortController();
    const waiting = host.run(['true'], { signal: abort.signal });
    setTimeout(() => abort.abort(), 100);
    await assert.rejects(waiting, { name: 'AbortError' });
    stop.abort();
    assert.equal(
      (await Promise.allSettled(busy)).every(({ status }) => status === 'rejected'),
      true,
    );
    await host.run(['true']);
  });

  test('goes through a proxy command, which ends with it', async () => {
    const proxy =
      "const s = require('node:net').connect(Number(process.argv[1]), '127.0.0.1'); process.stdin.pipe(s).pipe(process.stdout);";
    const mark = `nightshift-proxy-${process.pid}`;
    const proxyCommand = [process.execPath, '-e', proxy, String(server.port), mark];
    const local = await hosts.openHost({ ...server.ref(), reach: { kind: 'local' } });
    const running = async (): Promise<boolean> =>
      (await local.run(['pgrep', '-f', `^[^ ]*node .*${mark}`], { accept: [0, 1] })).exitCode === 0;
    const host = await hosts.openHost(server.ref({ address: 'behind.invalid', proxyCommand }));
    assert.equal((await host.run(['echo', 'through'])).stdout, 'through\n');
    assert.equal(await running(), true);
    await hosts.close();
    await waitUntil('the proxy command has ended', async () => !(await running()));
    await assert.rejects(hosts.openHost(server.ref({ proxyCommand: ['false'] })), { type: 'HostUnreachable' });
    await assert.rejects(hosts.openHost(server.ref({ proxyCommand: ['/nightshift-no-such-program'] })), { type: 'HostUnreachable' });
  });

  test('does not take a forbidden connection for a closed port', async () => {
    const strict = await startSshServer(['AllowTcpForwarding no']);
    const strictHosts = createHosts({ resolveSecret: (name) => strict.resolveSecret(name) });
    try {
      const host = await strictHosts.openHost(strict.ref());
      await assert.rejects(host.connect(await freePort()), { type: 'CommandFailed', message: /AllowTcpForwarding/ });
    } finally {
      await strictHosts.close();
      await strict.stop();
    }
  });

  test('is quick: a small command takes milliseconds', async () => {
    const host = await hosts.openHost(server.ref());
    await host.run(['true']);
    // With Nagle's timer none is ever below its 40 ms; without it a busy machine has a quiet moment sooner or later.
    await waitUntil('a command takes less than 40 ms: is setNoDelay gone?', async () => (await host.run(['true'])).elapsedMs < 40);
  });

  test('checkHost reads the clock and tells the missing commands', async () => {
    const activities = createHostActivities({ openHost: hosts.openHost, now: () => new Date() });
    const check = await runActivity(() => activities.checkHost({ host: server.ref(), commands: ['sh', 'nightshift-absent', 'tar', '-x'] }));
    assert.deepEqual(check.missingCommands, ['nightshift-absent', '-x']);
    // The host's clock was read between two readings of the same clock.
    const isWithin = (skewMs: number, { roundTripMs }: typeof check): boolean => Math.abs(skewMs) <= roundTripMs / 2 + 2;
    assert.ok(isWithin(check.clockSkewMs, check), JSON.stringify(check));
    const behind = createHostActivities({ openHost: hosts.openHost, now: () => new Date(Date.now() - 60_000) });
    const skewed = await runActivity(() => behind.checkHost({ host: server.ref(), commands: [] }));
    assert.ok(isWithin(skewed.clockSkewMs - 60_000, skewed), JSON.stringify(skewed));
  });

  test('findProcesses finds what matches and not itself; runHostCommand ends its command when cancelled', async () => {
    const activities = createHostActivities({ openHost: hosts.openHost, now: () => new Date() });
    // Of this process alone: others may sleep beside it.
    const seconds = `86400.${process.pid}`;
    const find = (): Promise<number[]> => runActivity(() => activities.findProcesses({ host: server.ref(), pattern: `sleep ${seconds}` }));
    assert.deepEqual(await find(), []);
    const running = beginActivity(() =>
      activities.runHostCommand({ host: server.ref(), command: ['sleep', seconds], limitSeconds: 3_600 }),
    );
    let found: number[] = [];
    await waitUntil('the process is found', async () => (found = await find()).length > 0);
    await waitUntil('it has sent a heartbeat', () => running.heartbeats.length > 0);
    running.cancel();
    await assert.rejects(running.result, { name: 'CancelledFailure' });
    assert.equal(found.some(isRunning), false);
    const ended = await runActivity(() => activities.runHostCommand({ host: server.ref(), command: ['true'], limitSeconds: 3_600 }));
    assert.equal(ended.exitCode, 0);
  });
});
