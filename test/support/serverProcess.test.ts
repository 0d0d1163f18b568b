import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startServerProcess } from './serverProcess.ts';

describe('the server of a test', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ns-server-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** Notes the port of each start as a file; `then` is its program. */
  const started = (then: string) => (port: number) => {
    const note = `const { writeFileSync, readdirSync } = require('node:fs'); writeFileSync(${JSON.stringify(directory)} + '/${port}', '');`;
    return [
      '-e',
      `${note} const listen = () => require('node:http').createServer((_, answer) => answer.end('ready')).listen(${port}); ${then}`,
    ];
  };
  const asks = async (address: string): Promise<void> => {
    if ((await (await fetch(`http://${address}`)).text()) !== 'ready') throw new Error('not ready');
  };

  test('is started anew on another port when it ends before it is ready, and is gone after its stop', async () => {
    const twice = `if (readdirSync(${JSON.stringify(directory)}).length < 2) { console.error('my port is taken'); process.exit(1); } listen();`;
    const { address, stop } = await startServerProcess(process.execPath, started(twice), asks);
    assert.equal((await readdir(directory)).length, 2);
    await stop();
    await assert.rejects(fetch(`http://${address}`));
    await stop();
  });

  test('that never starts is told with its last words', async () => {
    await assert.rejects(
      startServerProcess(process.execPath, started(`console.error('no disk'); process.exit(3);`), asks),
      /ended at its start: no disk/,
    );
  });
});
