import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';

import { createFileActivities } from '../../../activities/files/fileActivities.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { runActivity } from '../../support/runActivity.ts';

describe('small files and folders', () => {
  const hosts = createHosts({ resolveSecret: async () => '' });
  const files = createFileActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
  let directory: string;
  let host: HostRef;
  before(() => {
    host = {
      name: 'here',
      address: '127.0.0.1',
      reach: { kind: 'local' },
      serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
      stateDirectory: '/none',
    };
  });
  after(() => hosts.close());
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'nightshift files é '))));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const write = (name: string, text: string, ifAbsent?: boolean): Promise<{ written: boolean }> =>
    runActivity(() => files.writeTextFile({ host, path: join(directory, name), text, ...(ifAbsent === undefined ? {} : { ifAbsent }) }));
  const read = (name: string): Promise<string | null> => runActivity(() => files.readTextFile({ host, path: join(directory, name) }));

  test('texts are written and read as they are, whatever they hold', async () => {
    for (const text of ['', 'no newline', 'quotes \' " `id` $(id)\n\n', 'é😀\ttab\r\n', 'x'.repeat(900_000)]) {
      assert.deepEqual(await write('text', text), { written: true });
      assert.equal(await read('text'), text);
    }
    assert.deepEqual(readdirSync(directory), ['text']);
    assert.equal(statSync(join(directory, 'text')).mode & 0o777, 0o644);
  });

  test('an absent text is null, one that is too large is refused', async () => {
    assert.equal(await read('absent'), null);
    writeFileSync(join(directory, 'large'), 'x'.repeat(1024 * 1024 + 1));
    await assert.rejects(read('large'), { type: 'InvalidInput' });
  });

  test('with ifAbsent one of many writers wins and the file keeps its text', async () => {
    const texts = Array.from({ length: 8 }, (_, index) => `owner ${index}`);
    const results = await Promise.all(texts.map((text) => write('lock', text, true)));
    const winners = texts.filter((_, index) => results[index]?.written);
    assert.equal(winners.length, 1);
    assert.equal(await read('lock'), winners[0]);
    assert.deepEqual(readdirSync(directory), ['lock']);
  });

  test('a text that cannot be written leaves nothing', async () => {
    mkdirSync(join(directory, 'taken'));
    await assert.rejects(write('taken', 'x'), { type: 'CommandFailed' });
    await assert.rejects(write('absent/file', 'x'), { type: 'CommandFailed' });
    assert.deepEqual(readdirSync(directory), ['taken']);
  });

  test('the state of a file is its time and first line', async () => {
    const path = join(directory, 'outcome');
    assert.equal(await runActivity(() => files.readFileState({ host, path })), null);
    writeFileSync(path, `${'é'.repeat(300)}\nsecond`);
    utimesSync(path, 0, Date.parse('2026-11-20T22:15:03.250Z') / 1000);
    assert.deepEqual(await runActivity(() => files.readFileState({ host, path })), {
      changedAt: '2026-11-20T22:15:03.250Z',
      firstLine: 'é'.repeat(200),
    });
  });

  test('a checksum is that of the whole file', async () => {
    const path = join(directory, '-dash\nline');
    writeFileSync(path, 'content');
    const sha256 = createHash('sha256').update('content').digest('hex');
    assert.deepEqual(await runActivity(() => files.readChecksum({ host, path })), { sizeBytes: 7, sha256 });
    await assert.rejects(
      runActivity(() => files.readChecksum({ host, path: join(directory, 'absent') })),
      { type: 'CommandFailed', message: /is absent/ },
    );
  });

  test('folders are made with their parents, listed, measured', async () => {
    const path = join(directory, 'a', "b 'c'");
    for (let time = 0; time < 2; time += 1) await runActivity(() => files.ensureDirectory({ host, path }));
    assert.deepEqual(readdirSync(path), []);
    writeFileSync(join(path, 'one'), '12345');
    writeFileSync(join(path, 'two\nlines'), '123');
    symlinkSync('one', join(path, 'link'));
    assert.deepEqual(await runActivity(() => files.listDirectory({ host, path })), ['link', 'one', 'two\nlines']);
    assert.deepEqual(await runActivity(() => files.listDirectory({ host, path: join(directory, 'absent') })), []);
    assert.deepEqual(await runActivity(() => files.measureDirectory({ host, path: directory })), {
      path: directory,
      sizeBytes: 8,
      files: 2,
    });
    await assert.rejects(
      runActivity(() => files.measureDirectory({ host, path: join(directory, 'absent') })),
      { type: 'CommandFailed', message: /is no directory/ },
    );
    writeFileSync(join(directory, 'file'), '');
    await assert.rejects(
      runActivity(() => files.ensureDirectory({ host, path: join(directory, 'file', 'below') })),
      { type: 'CommandFailed' },
    );
  });

  test('disk space is that of the nearest parent that exists', async () => {
    const here = await runActivity(() => files.readDiskSpace({ host, path: directory }));
    const later = await runActivity(() => files.readDiskSpace({ host, path: join(directory, 'not', 'yet') }));
    assert.ok(here.freeBytes > 0 && here.totalBytes >= here.freeBytes);
    assert.equal(later.device, here.device);
    assert.equal(here.device, String(statSync(directory).dev));
    assert.equal(later.path, join(directory, 'not', 'yet'));
  });

  test('paths are removed only below the given folder, twice the same', async () => {
    const outside = join(directory, 'outside');
    const below = join(directory, 'sets');
    for (const path of [outside, join(below, 'old'), join(below, 'new')]) mkdirSync(path, { recursive: true });
    writeFileSync(join(outside, 'precious'), '');
    writeFileSync(join(below, 'old', 'file'), '');
    symlinkSync(outside, join(below, 'way-out'));
    const remove = (...paths: string[]): Promise<void> => runActivity(() => files.removePaths({ host, below, paths }));
    for (let time = 0; time < 2; time += 1) await remove(join(below, 'old'), join(below, 'absent', 'deep'));
    assert.deepEqual(readdirSync(below), ['new', 'way-out']);
    const astray = [
      outside,
      below,
      `${below}/../outside`,
      `${below}//new`,
      `${below}/new/`,
      `${below}/.`,
      'new',
      `${below}-other`,
      join(below, 'way-out', 'precious'),
    ];
    for (const path of astray) await assert.rejects(remove(path), { type: 'InvalidInput' }, path);
    assert.equal(existsSync(join(outside, 'precious')), true);
    // The link itself lies below; what it points to does not.
    await remove(join(below, 'way-out'));
    assert.equal(existsSync(join(outside, 'precious')), true);
    await assert.rejects(
      runActivity(() => files.removePaths({ host, below: '/', paths: [below] })),
      { type: 'InvalidInput' },
    );
  });

  test('a text that arrives cut short is not put in place', async () => {
    await write('manifest', 'former');
    const cut = { ...host, name: 'cut' };
    const openHost: typeof hosts.openHost = async (ref) => {
      const open = await hosts.openHost(ref);
      return {
        ...open,
        run: (command, options = {}) => open.run(command, { ...options, ...(options.input ? { input: options.input.slice(0, 3) } : {}) }),
      };
    };
    const cutting = createFileActivities({ openHost, resolveSecret: async () => '' });
    await assert.rejects(
      runActivity(() => cutting.writeTextFile({ host: cut, path: join(directory, 'manifest'), text: 'the new text' })),
      { type: 'CommandFailed', message: /cut short/ },
    );
    assert.equal(readFileSync(join(directory, 'manifest'), 'utf8'), 'former');
    assert.deepEqual(readdirSync(directory), ['manifest']);
  });
});
