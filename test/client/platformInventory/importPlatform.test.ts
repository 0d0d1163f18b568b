import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { execa } from 'execa';
import { parse, parseDocument } from 'yaml';

import { readInventory } from '../../../client/platformInventory/readInventory.ts';
import { readPlatformFile } from '../../../workflows/vitam/requests.schema.ts';
import { writeInventories } from './inventories.ts';

const command = pathToFileURL(join(import.meta.dirname, '../../../client/platformInventory/addImportPlatform.ts')).href;
const program = `import { Command } from 'commander'; import { addImportPlatform } from '${command}';
  const program = new Command('ops'); addImportPlatform(program); await program.parseAsync();`;

interface WrittenPlatform {
  hosts: Record<string, { address: string; reach: { ssh: Record<string, unknown> }; serviceManager: unknown; backupDirectory?: string }>;
  components: Record<string, { hosts: string[]; servicePort: number; adminPort?: number; limits?: unknown }>;
  order: Record<string, unknown>;
  tenants: number[];
  securisation: Record<string, unknown>;
  clusters: Record<
    string,
    { routers: unknown[]; adminCredential: unknown; shards: { name: string; hosts: string[]; credential: unknown }[] }
  >;
  backup: { catalogHost: string; further: { name: string; host: string; path: string }[] };
}

describe('the command import-platform', () => {
  let folder: string;
  let inventories: { ini: string; yaml: string };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ns-inventory-'));
    inventories = await writeInventories(folder);
  });
  after(() => rm(folder, { recursive: true }));

  const run = (...args: string[]) =>
    execa(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program, '--', 'import-platform', ...args],
      { cwd: join(import.meta.dirname, '../../..'), reject: false },
    );
  const imported = async (...args: string[]): Promise<WrittenPlatform> => parse((await run(...args)).stdout) as WrittenPlatform;

  test('gives the same file for INI and YAML of the same platform, on standard output and in a file', async () => {
    const output = join(folder, 'north.yaml');
    const { stdout } = await run(inventories.ini);
    const written = await run(inventories.yaml, '--output', output);
    assert.equal(written.exitCode, 0);
    assert.equal(await readFile(output, 'utf8'), `${stdout}\n`);
    assert.match(written.stdout, /north\.yaml: written\nstill to be given.*\n {2}window\.zone: an IANA time zone/);
  });

  test('passes the check after the fields that were asked for are given, and no others', async () => {
    const file = join(folder, 'given.yaml');
    const { stdout } = await run(inventories.ini, '--output', file);
    const { faults } = await readPlatformFile(file);
    assert.ok(faults.length > 10);
    for (const { path, message } of faults) assert.ok(stdout.includes(`\n  ${path}: ${message}\n`), path);
    assert.equal(stdout.match(/^ {2}\w.*: /gm)?.length, faults.length);
    const given: Record<string, unknown> = { zone: 'Europe/Paris', backupDirectory: '/backup', hostKeys: [`SHA256:${'a'.repeat(43)}`] };
    const document = parseDocument(await readFile(file, 'utf8'));
    for (const { path } of faults) {
      // Names of hosts have dots.
      const [, host, field = path] = /^hosts\.(.+?\.arch)\.(.+)$/.exec(path) ?? [];
      const keys = [...(host === undefined ? [] : ['hosts', host]), ...field.split('.')];
      const value = given[keys.at(-1) ?? ''];
      assert.ok(value, `nobody asked for ${path}`);
      document.setIn(keys, value);
    }
    await writeFile(file, document.toString());
    assert.deepEqual((await readPlatformFile(file)).faults, []);
  });

  test('takes hosts, ports and limits from the variables', async () => {
    const { hosts, components, tenants, securisation, order } = await imported(inventories.ini);
    assert.deepEqual(
      Object.keys(hosts).filter((name) => !/^mongo|^offer/.test(name)),
      ['front-1.arch', 'worker-01.arch', 'worker-02.arch', 'worker-03.arch', 'back-1.arch'],
    );
    assert.deepEqual(hosts['front-1.arch']?.address, '10.0.0.1');
    assert.deepEqual(hosts['front-1.arch'].reach.ssh, { address: '192.0.2.1', user: 'deploy', privateKey: 'north-ssh-key', hostKeys: [] });
    assert.deepEqual(
      [hosts['back-1.arch']?.reach.ssh.port, hosts['back-1.arch']?.reach.ssh.user, hosts['back-1.arch']?.serviceManager],
      [2222, 'root', 'systemd'],
    );
    assert.deepEqual([components['access-external']?.servicePort, components['access-external']?.adminPort], [9444, 29_444]);
    assert.deepEqual([components['ingest-external']?.servicePort, components['ingest-external']?.limits], [8443, { stopSeconds: 1800 }]);
    assert.deepEqual(tenants, [0, 1, 5]);
    assert.deepEqual([securisation.mechanism, securisation.adminTenant], ['scheduler', 1]);
    assert.deepEqual(order.fronts, ['ingest-external', 'access-external']);
  });

  test('tells clusters, shards and what the offers keep; secrets are names', async () => {
    const { clusters, backup, hosts } = await imported(inventories.ini, '--name', 'prod');
    assert.deepEqual(
      Object.entries(clusters).map(([name, { shards }]) => [name, ...shards.map((shard) => `${shard.name}: ${shard.hosts.join(' ')}`)]),
      [
        ['mongo-data', 'shard0: mongod-1.arch mongod-2.arch mongod-3.arch', 'shard1: mongod-4.arch mongod-5.arch'],
        ['offer-fs-1', 'shard0: offer-1.arch'],
      ],
    );
    assert.deepEqual(clusters['mongo-data']?.routers, [{ host: 'mongoc-1.arch', port: 27_117 }]);
    assert.deepEqual(clusters['mongo-data'].shards[0]?.credential, {
      username: 'local-boss',
      password: 'prod-mongo-data-mongo-localadmin',
    });
    // Its name is under vault.
    assert.deepEqual(clusters['mongo-data'].adminCredential, { username: 'vitamdb-admin', password: 'prod-mongo-data-mongo-admin' });
    assert.deepEqual(backup.further, [
      { name: 'data-offer', host: 'offer-1.arch', path: '/srv/vitam/data/offer' },
      { name: 'conf', host: backup.catalogHost, path: '/srv/vitam/conf' },
    ]);
    assert.deepEqual([hosts['offer-1.arch']?.backupDirectory, hosts['offer-2.arch']?.backupDirectory], ['', undefined]);
  });

  test('tells what it left out, and holds nothing that was encrypted or secret', async () => {
    const { stdout } = await run(inventories.ini);
    for (const said of [
      'note: groups that are no part of VITAM as it is known here, neither stopped nor copied: hosts_consul_server',
      'note: arbiter-1.arch is an arbiter',
      `note: ${join(folder, 'group_vars/all/vault.yml')} is encrypted`,
      'secrets that the worker needs: north-',
    ])
      assert.ok(stdout.includes(said), said);
    assert.ok(!/canary|63616e617279/.test(stdout));
    assert.ok(!/arbiter-1\.arch:/.test(stdout));
  });

  test('a platform with every component keeps the usual order', async () => {
    const file = join(folder, 'whole');
    const groups = [
      'ihm-demo',
      'ihm-recette',
      'ingest-external',
      'access-external',
      'ingest-internal',
      'access-internal',
      'collect-external',
      'collect-internal',
      'workspace-collect',
      'metadata-collect',
      'worker',
      'batch-report',
      'processing',
      'security-internal',
      'scheduler',
      'functional-administration',
      'logbook',
      'workspace',
      'metadata',
      'storage-engine',
      'storage-offer-default',
      'kibana-data',
      'elasticsearch-data',
      'logstash',
      'elasticsearch-log',
    ];
    // The names before version 5.
    await writeFile(file, groups.map((group) => `[hosts-${group}]\none.arch ansible_connection=local\n`).join(''));
    const { order, components, hosts } = await imported(file);
    assert.deepEqual(order, { profile: 'upstream-7.0' });
    assert.deepEqual(components.storage?.hosts, ['one.arch']);
    assert.equal(hosts['one.arch']?.reach, 'local');
  });

  test('keeps a file that is there, unless told', async () => {
    const output = join(folder, 'mine.yaml');
    await writeFile(output, 'mine');
    const { stderr, exitCode } = await run(inventories.ini, '--output', output);
    assert.deepEqual(
      [stderr, exitCode, await readFile(output, 'utf8')],
      [`${output} is there already and is kept; --force overwrites it`, 1, 'mine'],
    );
    assert.equal((await run(inventories.ini, '--output', output, '--force')).exitCode, 0);
    assert.match(await readFile(output, 'utf8'), /^system: vitam/);
  });

  test('writes nothing for an inventory with faults, and tells each', async () => {
    const file = join(folder, 'broken');
    await writeFile(file, '[hosts_worker]\none two three=3\n[hosts_mongod_data]\nm1.arch\n');
    const { stdout, stderr, exitCode } = await run(file, join(folder, 'none'));
    assert.deepEqual([stdout, exitCode], ['', 1]);
    assert.deepEqual(stderr.split('\n').slice(1), [
      `  ${file}, line 2: not understood under [hosts]: one two three=3`,
      `  ${join(folder, 'none')}: cannot be read: ENOENT`,
      '  hosts_mongod_data: m1.arch needs its mongo_shard_id',
    ]);
  });
});

describe('an inventory', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ns-inventory-'));
  });
  after(() => rm(folder, { recursive: true }));

  const variablesOf = async (text: string, host: string): Promise<Record<string, unknown> | undefined> => {
    const file = join(folder, 'hosts');
    await writeFile(file, text);
    const { groups, faults } = await readInventory([file]);
    assert.deepEqual(faults, []);
    return groups.get('all')?.find(({ name }) => name === host)?.variables;
  };

  test('has words in quotes, numbers, booleans, lists and comments', async () => {
    const line = `a.b:2200 args='-o ProxyJump="x y"' n=0 yes=True no=no list=[1,2] padded=007 text="a # b" none= # n=1`;
    assert.deepEqual(await variablesOf(`${line}\n[all:vars]\nspaced = two words # no comment\nids=[0, 1] # three\n; a comment\n`, 'a.b'), {
      ...{
        ansible_port: 2200,
        args: '-o ProxyJump="x y"',
        n: 0,
        yes: true,
        no: 'no',
        list: [1, 2],
        padded: '007',
        text: 'a # b',
        none: '',
      },
      ...{ spaced: 'two words # no comment', ids: [0, 1] },
    });
  });

  test('has ranges of numbers and letters, with steps', async () => {
    const file = join(folder, 'ranges');
    await writeFile(file, '[g]\nn[08:10]-[a:b]\nm[1:5:2].x v=1\n');
    const { groups } = await readInventory([file]);
    assert.deepEqual(
      groups.get('g')?.map(({ name }) => name),
      ['n08-a', 'n08-b', 'n09-a', 'n09-b', 'n10-a', 'n10-b', 'm1.x', 'm3.x', 'm5.x'],
    );
  });

  test('lets the nearer group, and then the host, win; tables are merged', async () => {
    const text =
      '[low]\nh own=host t=1\n[high:children]\nlow\n[all:vars]\na=all\nb=all\nown=all\n[high:vars]\na=high\nb=high\n[low:vars]\na=low\n';
    assert.deepEqual(await variablesOf(text, 'h'), { a: 'low', b: 'high', own: 'host', t: 1 });
  });
});
