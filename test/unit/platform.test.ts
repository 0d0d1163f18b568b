import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { ApplicationFailure } from '@temporalio/common';

import { openDefinitions } from '../../workflows/runbook/system.schema.ts';
import { systems } from '../../workflows/systems.schema.ts';
import { vitam } from '../../workflows/vitam/system.schema.ts';
import { noSecrets, readDefinition } from '../support/definitions.ts';

const shipped = join(import.meta.dirname, '..', '..', 'deploy', 'definitions');
const small = join(import.meta.dirname, '..', 'support', 'platforms', 'small.yaml');

async function faultsWith(changes: Record<string, unknown>): Promise<string[]> {
  return (await readDefinition(vitam, small, changes)).faults.map(({ path, message }) => `${path}: ${message}`);
}

describe('platform files', () => {
  test('every shipped file is without fault', async () => {
    const files = await openDefinitions(systems, [shipped], noSecrets).check();
    assert.deepEqual(
      systems.filter((system) => !files.some((file) => file.system === system)).map(({ name }) => name),
      [],
      'a system ships no example',
    );
    for (const { name, faults } of files) assert.deepEqual(faults, [], name);
  });

  test('the example is short enough to be read: what the hosts share is said once', async () => {
    const lines = (await readFile(join(shipped, 'vitam.example.yaml'), 'utf8')).split('\n').length;
    assert.ok(lines <= 250, `${lines} lines`);
  });

  test('every shipped order stops what it starts and the other way round', async () => {
    for (const profile of ['seed', 'seed-text', 'upstream-7.0']) {
      const { faults } = await readDefinition(vitam, small, { order: { profile } });
      // The small platform lacks components of these orders, and has none that they lack: nothing else may be wrong.
      assert.deepEqual(
        faults.filter(({ message }) => !message.startsWith('unknown component')).filter(({ path }) => path !== 'order.profile'),
        [],
        profile,
      );
    }
  });

  test('tells every fault at once, with its path', async () => {
    const faults = await faultsWith({
      window: { zone: 'Europe/Nowhere', begin: '25:00' },
      tenants: [],
      surprise: 1,
      policy: { holdSeconds: -1, onStepFailure: 'panic' },
      backup: { keepSets: 0 },
      hosts: { 'front-1': { reach: { ssh: { address: 'a', user: 'u', privateKey: 'key', hostKeys: ['md5:abc'] } } } },
    });
    const paths = faults.map((fault) => fault.split(':')[0]);
    for (const path of [
      'window.zone',
      'window.begin',
      'tenants',
      'surprise',
      'policy.holdSeconds',
      'policy.onStepFailure',
      'backup.keepSets',
    ])
      assert.ok(paths.includes(path), `${path} is missing in ${faults.join('\n')}`);
    assert.ok(
      paths.some((path) => path?.startsWith('hosts.front-1.reach')),
      faults.join('\n'),
    );
  });

  test('tells every wrong reference at once', async () => {
    const faults = await faultsWith({
      components: { worker: { hosts: ['nowhere'] }, forgotten: { unit: 'x', hosts: ['front-1'], servicePort: 1 } },
      scheduler: 'absent',
      order: {
        start: ['elasticsearch-data', 'storage', 'logbook', 'workspace', 'processing', 'worker', 'access-external', 'ingest-external'],
      },
      backup: {
        catalogHost: 'process-1',
        further: [
          { name: 'x', host: 'front-1', path: '/a' },
          { name: 'x', host: 'front-1', path: '/b' },
        ],
      },
      clusters: {
        data: {
          shards: [
            { name: 'shard0', port: 1, unit: 'a', dataDirectory: '/d', hosts: ['mongo-1'] },
            { name: 'shard0', port: 1, unit: 'a', dataDirectory: '/d', hosts: ['mongo-1'] },
          ],
        },
      },
    });
    const all = faults.join('\n');
    for (const part of [
      'unknown host "nowhere"',
      'unknown component "absent"',
      'component "forgotten" is in no stop list',
      '"scheduler" is stopped and never started',
      'hosts.process-1.backupDirectory',
      '"x" is listed twice',
      'replica set "shard0" is listed twice',
      'two members at mongo-1:1',
    ])
      assert.ok(all.includes(part), `${part} is missing in\n${all}`);
  });

  test('a securisation that needs an unknown component is a fault', async () => {
    assert.deepEqual(await faultsWith({ securisation: { needs: ['ghost'] } }), ['securisation.needs.0: unknown component "ghost"']);
  });

  test('paths with ".." and units with spaces are refused', async () => {
    const faults = await faultsWith({
      hosts: { 'back-1': { backupDirectory: '/backup/../etc' } },
      components: { worker: { unit: 'rm -rf' } },
    });
    assert.equal(faults.length, 2, faults.join('\n'));
  });

  describe('broken text', () => {
    let directory: string;
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'nightshift-platforms-'));
    });
    after(() => rm(directory, { recursive: true }));

    test('YAML faults carry their line; a doubled key is one', async () => {
      const file = join(directory, 'bad.yaml');
      await writeFile(file, 'system: vitam\ntitle: bad\ntitle: twice\n');
      const [checked] = await openDefinitions(systems, [], noSecrets).check([file]);
      assert.match(checked?.faults[0]?.path ?? '', /line 3/);
    });
    test('every other fault has the line of its field, or of what holds it', async () => {
      const file = join(directory, 'lines.yaml');
      await writeFile(file, 'system: vitam\nwindow:\n  zone: Europe/Paris\n  begin: "25:00"\n');
      const [checked] = await openDefinitions(systems, [], noSecrets).check([file]);
      assert.equal(checked?.faults.find(({ path }) => path === 'window.begin')?.line, 4);
    });
    test('an absent file and an unknown system say so', async () => {
      const file = join(directory, 'other.yaml');
      await writeFile(file, 'system: oven\n');
      const [absent, unknown] = await openDefinitions(systems, [], noSecrets).check([join(directory, 'none.yaml'), file]);
      assert.match(absent?.faults[0]?.message ?? '', /cannot be read/);
      assert.equal(unknown?.faults[0]?.path, 'system');
      assert.match(unknown?.faults[0]?.message ?? '', /vitam/);
    });
  });
});

describe('requests', () => {
  const { readRequest } = openDefinitions(systems, [join(import.meta.dirname, '..', 'support', 'platforms')], noSecrets);
  const fault = async (input: unknown): Promise<ApplicationFailure> => {
    const error: unknown = await readRequest('vitamColdBackup', input).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof ApplicationFailure, `${JSON.stringify(input)} was accepted`);
    assert.equal(error.nonRetryable, true);
    return error;
  };

  test('platform alone is enough', async () => {
    assert.ok(await readRequest('vitamColdBackup', { platform: 'small' }));
  });
  test('every field of the platform can be overridden and is validated', async () => {
    const request = (await readRequest('vitamColdBackup', { platform: 'small', policy: { holdSeconds: 5 }, tenants: [7] })) as unknown as {
      platform: { policy: { holdSeconds: number }; tenants: number[] };
    };
    assert.equal(request.platform.policy.holdSeconds, 5);
    assert.deepEqual(request.platform.tenants, [7]);
    assert.match((await fault({ platform: 'small', policy: { holdSecond: 5 } })).message, /policy\.holdSecond: unknown field/);
  });
  test('bad input names the field and the remedy', async () => {
    assert.match((await fault(null)).message, /\(whole\)/);
    assert.match((await fault({})).message, /platform: name a platform/);
    assert.match((await fault({ platform: 'nowhere' })).message, /"nowhere" is not described; described: small/);
    assert.match((await fault({ platform: '../../etc/passwd' })).message, /letters, digits, dot/);
    const several = (await fault({ platform: 1, dryRun: 'yes', more: true })).message;
    for (const part of ['platform', 'dryRun', 'more: unknown field']) assert.ok(several.includes(part), several);
  });
});
