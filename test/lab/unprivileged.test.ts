import assert from 'node:assert/strict';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { folderFor, mayPass, removeFolderFor, runAs, toolsFor, unprivilegedUser } from '../../deploy/lab/machines/unprivileged.ts';

const user = unprivilegedUser();
/** A program that needs a file beside it. */
const program = '#!/bin/sh\ncat "$(dirname "$0")/../lib/words" > "$1"\n';
let open = '';
/** Root alone may enter it, as /root. */
let closed = '';

function makeTools(folder: string): string {
  const tools = join(folder, 'tools');
  for (const below of ['bin', 'lib']) mkdirSync(join(tools, below), { recursive: true });
  writeFileSync(join(tools, 'bin', 'say'), program, { mode: 0o755 });
  writeFileSync(join(tools, 'lib', 'words'), 'words');
  return tools;
}

before(() => {
  open = mkdtempSync(join(tmpdir(), 'ns-open-'));
  chmodSync(open, 0o755);
  closed = mkdtempSync(join(tmpdir(), 'ns-closed-'));
});
after(() => {
  for (const folder of [open, closed]) rmSync(folder, { recursive: true, force: true });
});

describe('a program that refuses root', () => {
  it('runs as somebody else when we are root, else as we are', async () => {
    const folder = await folderFor(user, join(open, 'who'));
    await runAs(user, ['sh', '-c', `id -u > '${folder}/id'`]);
    assert.equal(Number(readFileSync(join(folder, 'id'), 'utf8')), user?.uid ?? process.getuid?.());
  });

  it('whose place is open is used where it is, and so is its folder', async () => {
    const tools = makeTools(open);
    assert.equal(await toolsFor(user, tools, 'bin/say'), tools);
    const folder = join(open, 'data');
    assert.equal(await folderFor(user, folder), folder);
    assert.ok(lstatSync(folder).isDirectory());
    await removeFolderFor(folder);
    assert.ok(!existsSync(folder));
  });

  it('says so when it fails', async () => {
    await assert.rejects(runAs(user, ['sh', '-c', 'echo no room >&2; exit 3']), /^Error: sh ended with 3: no room$/);
  });
});

describe(
  'a project that only root may enter',
  { skip: user ? false : 'SKIPPED: only root has a place that is closed to its own servers' },
  () => {
    it('lends its tools by a copy that is made once, and has the data elsewhere behind a link', async () => {
      const tools = makeTools(closed);
      assert.ok(!mayPass(user, join(tools, 'bin', 'say')));
      const [copy, same] = await Promise.all([toolsFor(user, tools, 'bin/say'), toolsFor(user, tools, 'bin/say')]);
      assert.equal(copy, same);
      const data = join(closed, 'data');
      const place = await folderFor(user, data);
      await runAs(user, [join(copy, 'bin', 'say'), join(place, 'said')]);
      assert.equal(readFileSync(join(data, 'said'), 'utf8'), 'words');
      assert.equal(statSync(place).uid, user?.uid);
      assert.equal(await toolsFor(user, tools, 'bin/say'), copy);
      assert.equal(await folderFor(user, data), place);
      assert.ok(existsSync(join(place, 'said')), 'a second time takes the data away');
      await removeFolderFor(data);
      assert.deepEqual([existsSync(data), existsSync(place)], [false, false]);
      rmSync(copy, { recursive: true });
    });

    it('finds nothing of a former folder in a new one of the same name', async () => {
      const data = join(closed, 'again');
      const place = await folderFor(user, data);
      writeFileSync(join(place, 'former'), '');
      rmSync(data);
      assert.equal(await folderFor(user, data), place);
      assert.ok(!existsSync(join(data, 'former')));
      await removeFolderFor(data);
    });
  },
);
