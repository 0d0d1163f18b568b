import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { CategoryTimes, ItemCategory } from '../../../client/replicationTimes/itemTimes.ts';
import type { RunTimes } from '../../../client/replicationTimes/readReplicationTimes.ts';
import { at, read, runsOf } from './logLines.ts';

const launch = (id: number, operation: string): string => `pg_restore: launching item ${id} ${operation}`;
const finish = (id: number, operation = ''): string => `pg_restore: finished item ${id} ${operation}`;

function timesOf(run: RunTimes | undefined, category: ItemCategory): CategoryTimes {
  assert.ok(run);
  return run.categories[category];
}

describe('a log in which line after line tells of an item', () => {
  test('keeps time and name of an item that ends in another chunk, whatever its number', async () => {
    // Numbers that are 2 ** 17 apart share a slot of the table.
    const ids = [5, 131_077, 262_149, 6, 4_294_967_301, 9_999_999_999];
    const lines = [
      ...ids.map((id) => at('05:00:00', launch(id, `INDEX index_${id}`))),
      ...ids.map((id, place) => at(`05:00:0${place + 1}`, finish(id))),
      at('05:00:09', finish(5)),
      at('05:00:09', launch(12_345_678_901, 'INDEX a number of eleven digits is none')),
    ];
    for (const chunkBytes of [1, 90, 100_000]) {
      const { runs } = await read(lines, chunkBytes);
      assert.deepEqual(timesOf(runs[0], 'INDEX'), {
        finished: 6,
        unfinished: 0,
        totalMs: 21_000,
        wallMs: 6000,
        longest: [
          { name: 'index_9999999999', durationMs: 6000 },
          { name: 'index_4294967301', durationMs: 5000 },
          { name: 'index_6', durationMs: 4000 },
        ],
      });
    }
  });

  test('reads the time of each line anew: next minute, hour, day and year, another offset, another fraction', async () => {
    for (const [from, to, durationMs] of [
      ['2020-10-22 05:00:59.999', '2020-10-22 05:01:00.000', 1],
      ['2020-10-22 05:59:59.999', '2020-10-22 06:00:00.001', 2],
      ['2020-10-22 23:59:59.500', '2020-10-23 00:00:00.500', 1000],
      ['2020-12-31 23:59:59.500', '2021-01-01 00:00:01.500', 2000],
      ['2020-10-25 02:59:00 +0200', '2020-10-25 02:01:00 +0100', 120_000],
      ['2020-10-22 05:00:00.5', '2020-10-22 05:00:00.6', 100],
      ['2020-10-22 05:00:00.999999999', '2020-10-22 05:00:02', 1001],
      ['2020-10-22T05:00:00Z', '2020-10-22 07:00:01 +02:00', 1000],
      ['2020-10-22 05:00:00.000', '2020-10-22 05:00:61.000', null],
    ] as const) {
      const lines = [`${from} [bg-1] ${launch(1, 'INDEX before')}`, `${from} [bg-1] ${launch(2, 'INDEX i')}`, `${to} [bg-1] ${finish(2)}`];
      const { runs, withoutTime } = await read(lines);
      assert.equal(timesOf(runs[0], 'INDEX').longest[0]?.durationMs ?? null, durationMs, `${from} to ${to}`);
      assert.equal(withoutTime, durationMs === null ? 1 : 0);
    }
  });

  test('does not take a broken line for one like the line before', async () => {
    const before = at('05:00:00', launch(1, 'INDEX i'));
    const end = at('05:00:03', finish(1, 'INDEX i'));
    // A newline in the place of each byte before the marker: the time is lost, or stands on the line before.
    for (let broken = 0; broken < end.indexOf('finished'); broken += 1) {
      const line = `${end.slice(0, broken)}\n${end.slice(broken + 1)}`;
      const { runs, withoutTime } = await read([before, before, line]);
      assert.deepEqual([timesOf(runs[0], 'INDEX').finished, withoutTime], [0, 1], JSON.stringify(line));
    }
    // A log that begins within a marker; a date that does not begin its line; a number in the line behind that of the marker.
    const { runs, withoutTime } = await read(['art restore', before, `x${end}`, at('05:00:02', 'finished item of'), 'those 1 is one']);
    assert.deepEqual([timesOf(runs[0], 'INDEX').finished, withoutTime], [0, 1]);
  });

  test('counts every item of a line, and those of lines of another kind between', async () => {
    const [run] = await runsOf(
      at('05:00:00', launch(1, 'INDEX a')),
      at('05:00:01', `${launch(2, 'INDEX b')} ${finish(1, 'INDEX a')}`),
      at('05:00:02', 'restored rows of answers'),
      `2020-10-22 05:00:03.1 [another] ${launch(3, 'INDEX c')}`,
      `{"msg":"${launch(4, 'TABLE DATA \\"odd\\" \\\\')}\\n${launch(5, 'TABLE DATA e')}","time":"2020-10-22T03:00:04Z"}`,
      `{"time":${Date.UTC(2020, 9, 22, 3, 0, 6)},"msg":"${finish(4)}"}`,
      `{"time":${Date.UTC(2020, 9, 22, 3, 0, 7)},"msg":"${finish(5)}"}`,
      at('05:00:08', "pg_restore: lancement de l'élément 6 FK CONSTRAINT f"),
      at('05:00:09', 'pg_restore: élément terminé 6 FK CONSTRAINT f'),
      at('05:00:09', finish(2)),
    );
    assert.equal(timesOf(run, 'FK CONSTRAINT').totalMs, 1000);
    assert.deepEqual(
      timesOf(run, 'INDEX').longest.map(({ name, durationMs }) => [name.slice(0, 1), durationMs]),
      [
        ['b', 8000],
        ['a', 1000],
      ],
    );
    assert.deepEqual(timesOf(run, 'TABLE DATA').longest, [
      { name: 'e', durationMs: 3000 },
      { name: '"odd" \\', durationMs: 2000 },
    ]);
    assert.equal(timesOf(run, 'INDEX').unfinished, 1);
  });

  test('does not let an item of one run end in the next', async () => {
    const runs = await runsOf(
      at('01:00:00', 'Start restore'),
      at('01:00:01', launch(7, 'INDEX i')),
      at('02:00:00', 'Start restore'),
      at('02:00:01', finish(7, 'INDEX i')),
      at('02:00:02', launch(7, 'INDEX i')),
      at('02:00:03', launch(7, 'SEQUENCE s')),
      at('02:00:05', finish(7)),
    );
    assert.deepEqual(
      runs.map((run) => [timesOf(run, 'INDEX').finished, timesOf(run, 'INDEX').unfinished, timesOf(run, 'SEQUENCE').totalMs]),
      [
        [0, 1, 0],
        [0, 0, 2000],
      ],
    );
  });
});
