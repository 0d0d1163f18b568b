import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { execa } from 'execa';

const command = pathToFileURL(join(import.meta.dirname, '../../../client/replicationTimes/addReplicationTimes.ts')).href;
const program = `import { Command } from 'commander'; import { addReplicationTimes } from '${command}';
  const program = new Command('ops'); addReplicationTimes(program); await program.parseAsync();`;

describe('the command replication-times', () => {
  let directory: string;
  let log: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ns-log-'));
    log = join(directory, 'night.log');
    const lines = ['22', '23'].flatMap((day) => [
      `2020-10-${day} 05:10:00 Start create Backup`,
      `2020-10-${day} 06:10:00 Start restore`,
      `2020-10-${day} 07:10:00 pg_restore: launching item 5 INDEX answers_idx`,
      `2020-10-${day} 07:10:59.6 pg_restore: finished item 5 INDEX answers_idx`,
      `2020-10-${day} 08:10:00 Restore done`,
      `2020-10-${day} 08:20:00 Import and enrichment done`,
    ]);
    await writeFile(log, `${lines.join('\n')}\n`);
  });
  after(() => rm(directory, { recursive: true, force: true }));

  const run = (args: string[], input?: { inputFile: string }): Promise<{ stdout: string; stderr: string; exitCode?: number }> =>
    execa(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program, '--', 'replication-times', ...args],
      {
        cwd: join(import.meta.dirname, '../../..'),
        reject: false,
        ...input,
      },
    );

  test('tells every run of a file, and of standard input the same', async () => {
    const { stdout, exitCode } = await run([log]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /Run 1 of 2, 2020-10-22: complete\n {2}backup {7}1h 0min 0s\n/);
    assert.match(stdout, /sum over workers/);
    assert.match(stdout, /answers_idx 0h 1min 0s/);
    assert.equal((await run(['-'], { inputFile: log })).stdout, stdout);
  });

  test('keeps the runs of one day, as JSON when wanted', async () => {
    const { stdout } = await run([log, '--date', '2020-10-23', '--json']);
    const { runs } = JSON.parse(stdout) as { runs: { date: string; totalMs: number }[] };
    assert.deepEqual(
      runs.map(({ date, totalMs }) => [date, totalMs]),
      [['2020-10-23', 11_400_000]],
    );
  });

  test('fails with a clear word for a date that is none, a day without runs, and a file that is not there', async () => {
    for (const [args, said] of [
      [[log, '--date', '2020-02-30'], '--date must be a day as YYYY-MM-DD, for example 2020-10-22; got "2020-02-30"'],
      [[log, '--date', '22/10/2020'], '--date must be a day as YYYY-MM-DD, for example 2020-10-22; got "22/10/2020"'],
      [[log, '--date', '2020-10-24'], `${log}: no run began on 2020-10-24; the log has runs of 2020-10-22, 2020-10-23`],
      [[join(directory, 'none')], `${join(directory, 'none')} cannot be read: ENOENT`],
    ] as const) {
      const { stderr, exitCode } = await run([...args]);
      assert.deepEqual([stderr, exitCode], [said, 1]);
    }
  });
});
