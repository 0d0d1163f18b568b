import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

import { endOf, redact, showControlCharacters } from '../../../activities/tools/redact.ts';
import { createSecretResolver } from '../../../activities/tools/resolveSecret.ts';

describe('secrets', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-secrets-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  test('come from the first folder that holds them, read anew each time, without the last newline', async () => {
    const resolve = createSecretResolver({ directories: [join(directory, 'absent'), directory] });
    writeFileSync(join(directory, 'mongo-admin'), 'first\n');
    assert.equal(await resolve('mongo-admin'), 'first');
    writeFileSync(join(directory, 'mongo-admin'), 'second\n\n');
    assert.equal(await resolve('mongo-admin'), 'second\n');
  });

  test('that are missing are named with the places looked at', async () => {
    const resolve = createSecretResolver({ directories: [directory] });
    await assert.rejects(resolve('absent'), (error: Error) => error.message.includes('"absent"') && error.message.includes(directory));
  });

  test('cannot be used to read other files', async () => {
    const resolve = createSecretResolver({ directories: [directory] });
    for (const name of ['../passwd', '..', '.', '', 'a/b', 'a\0b', 'ü']) await assert.rejects(resolve(name), { type: 'InvalidInput' });
  });

  test('are taken out of messages', () => {
    assert.equal(
      redact('mongodb://root:p%40ss@a,b/?x mongodb+srv://u:p@h https://ok/path'),
      'mongodb://***@a,b/?x mongodb+srv://***@h https://ok/path',
    );
    assert.equal(redact('key hunter2 hunter2', ['hunter2', '']), 'key *** ***');
    assert.equal(showControlCharacters('a\u001b[31mb\r\n\0é'), 'a\\x1b[31mb\\x0d\n\\x00é');
    assert.equal(endOf('  123456😀 ', 3), '…56😀');
  });
});
