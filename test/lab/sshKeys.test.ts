import assert from 'node:assert/strict';
import { test } from 'node:test';

import ssh2 from 'ssh2';

import { generateReadableKeyPair } from '../../deploy/lab/machines/sshKeys.ts';

test('every key pair of the lab can be read again', () => {
  // ssh2 itself fails for one in 256: of 3000 all would pass by chance once in 100,000 runs.
  for (let made = 0; made < 3000; made += 1) {
    const pair = generateReadableKeyPair('lab');
    for (const key of [pair.public, pair.private]) assert.ok(!(ssh2.utils.parseKey(key) instanceof Error), key);
  }
});
