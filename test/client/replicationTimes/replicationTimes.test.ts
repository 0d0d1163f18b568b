import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { formatDuration, tellReplicationTimes } from '../../../client/replicationTimes/tellReplicationTimes.ts';
import { at, read, runsOf } from './logLines.ts';

/** The night that the manual shows. */
const night = [
  at('05:10:00', 'Start import and enrichment'),
  at('05:10:01', 'Start create Backup'),
  at('06:30:00', 'End create Backup'),
  at('06:37:43', 'Start restore'),
  at('15:29:00', 'Restore done'),
  at('17:08:42', 'Import and enrichment done'),
];

describe('the durations of a run', () => {
  test('are those that the manual shows for its example', async () => {
    const [run, ...others] = await runsOf(...night);
    assert.equal(others.length, 0);
    assert.ok(run?.complete);
    const { backupMs, replicationMs, enrichmentMs, totalMs, date, backupStartAt } = run;
    assert.deepEqual(
      [backupMs, replicationMs, enrichmentMs, totalMs].map((ms) => formatDuration(ms ?? 0)),
      ['1h 27min 42s', '8h 51min 17s', '1h 39min 42s', '11h 58min 41s'],
    );
    assert.deepEqual([date, backupStartAt], ['2020-10-22', '2020-10-22T03:10:01.123Z']);
  });

  test('reach to the last line when the log has no end of the run, blank and broken lines passed over', async () => {
    const [run] = await runsOf(...night.slice(0, 5), at('16:00:00', 'enriching'), '   at somewhere (file.js:1)', '');
    assert.equal(run?.endSeen, 'lastLine');
    assert.equal(formatDuration(run.enrichmentMs ?? 0), '0h 31min 0s');
  });

  test('are rounded so that no part is 60', () => {
    assert.equal(formatDuration(59_600), '0h 1min 0s');
    assert.equal(formatDuration(3_599_500), '1h 0min 0s');
    assert.equal(formatDuration(0), '0h 0min 0s');
    assert.equal(formatDuration(100 * 3_600_000), '100h 0min 0s');
  });

  test('are right over midnight, and over the end of summer time', async () => {
    const [run] = await runsOf(
      '2020-10-24 23:30:00 +0200 Start create Backup',
      '2020-10-25 01:00:00 +0200 Start restore',
      '2020-10-25 04:00:00 +0100 Restore done',
      '2020-10-25 04:10:00 +0100 Import and enrichment done',
    );
    assert.equal(run?.date, '2020-10-24');
    assert.deepEqual(
      [run.backupMs, run.replicationMs, run.totalMs].map((ms) => formatDuration(ms ?? 0)),
      ['1h 30min 0s', '4h 0min 0s', '5h 40min 0s'],
    );
  });
});

describe('runs in one log', () => {
  test('are told apart on one day, an attempt that failed included', async () => {
    const [first, second, third] = await runsOf(
      at('01:00:00', 'Start create Backup'),
      at('02:00:00', 'Start restore'),
      at('03:00:00', 'Error: pg_restore failed'),
      at('03:00:07', 'Start import and enrichment'),
      at('03:00:07', 'Start create Backup'),
      at('04:00:00', 'Start restore'),
      at('05:00:00', 'Restore done'),
      at('05:30:00', 'enrichment.add - Ended'),
      at('23:00:00', 'something else'),
      at('23:10:00', 'Start create Backup'),
    );
    assert.deepEqual([first?.complete, first?.missing, first?.endAt], [false, ['Restore done'], '2020-10-22T01:00:00.123Z']);
    assert.deepEqual([first?.backupMs, first?.replicationMs, first?.totalMs], [3_600_000, null, null]);
    assert.deepEqual([second?.complete, second?.enrichmentMs, second?.endSeen], [true, 1_800_000, 'marker']);
    assert.deepEqual([third?.complete, third?.missing], [false, ['Start restore', 'Restore done']]);
  });

  test('are incomplete with what is known, whichever marker misses', async () => {
    for (const without of ['Start create Backup', 'Start restore', 'Restore done']) {
      const [run, ...others] = await runsOf(...night.filter((line) => !line.includes(without)));
      assert.equal(others.length, 0);
      assert.deepEqual([run?.complete, run?.missing, run?.totalMs], [false, [without], null]);
      const lines: string[] = [];
      tellReplicationTimes({ runs: run ? [run] : [], withoutTime: 0 }, (line) => lines.push(line));
      assert.ok(lines[0]?.includes(`INCOMPLETE, the log has no "${without}"`));
    }
    const [onlyItems] = await runsOf(
      at('01:00:00', 'pg_restore: launching item 1 INDEX a'),
      at('01:00:02', 'pg_restore: finished item 1 INDEX a'),
    );
    assert.equal(onlyItems?.categories.INDEX.totalMs, 2000);
    assert.deepEqual(await runsOf(), []);
    assert.deepEqual(await runsOf('nothing', ''), []);
  });

  test('are the same in the JSON form, with the time as text or as a number', async () => {
    const json = (msg: string, time: string | number): string => JSON.stringify({ name: 'pix', msg, time, v: 0 });
    const begin = Date.parse('2021-01-08T08:26:13.000Z');
    for (const time of [(ms: number) => new Date(ms).toISOString(), (ms: number) => ms]) {
      const [run] = await runsOf(
        json('Start create Backup', time(begin)),
        json('Start restore', time(begin + 1000)),
        json('pg_restore: launching item 7 TABLE DATA public "odd, name"\npg_restore: launching item 8 TABLE DATA b\n', time(begin + 2000)),
        json('pg_restore: finished item 7 TABLE DATA public "odd, name"', time(begin + 5500)),
        json('Restore done', time(begin + 9000)),
        json('Import and enrichment done', time(begin + 9500)),
      );
      assert.deepEqual([run?.complete, run?.date, run?.totalMs], [true, '2021-01-08', 9500]);
      assert.deepEqual(run?.categories['TABLE DATA'], {
        finished: 1,
        unfinished: 1,
        totalMs: 3500,
        wallMs: 7500,
        longest: [{ name: 'public "odd, name"', durationMs: 3500 }],
      });
    }
  });

  test('are the same whatever writes the time: the platform before a JSON line, bunyan in brackets, blanks within the JSON', async () => {
    const begin = Date.parse('2021-01-08T08:26:13.000Z');
    const forms: ((msg: string, time: string) => string)[] = [
      (msg, time) => `${time.slice(0, 10)} ${time.slice(11, 19)}.000000 +0000 UTC [background-1] ${JSON.stringify({ msg, time, v: 0 })}`,
      (msg, time) => `[${time}]  INFO: pix-db-replication/83294 on host: ${msg}`,
      (msg, time) => `{ "level" : 30, "time" : ${Date.parse(time)}, "msg" : ${JSON.stringify(msg)} }`,
    ];
    for (const form of forms) {
      const steps = [
        'Start create Backup',
        'Start restore',
        'launching item 7 INDEX "odd"',
        'finished item 7',
        'Restore done',
        'enrichment.add - Ended',
      ];
      const { runs, withoutTime } = await read(steps.map((msg, place) => form(msg, new Date(begin + place * 1000).toISOString())));
      assert.deepEqual(
        runs.map(({ date, complete, totalMs, categories }) => [date, complete, totalMs, categories.INDEX.longest]),
        [['2021-01-08', true, 5000, [{ name: '"odd"', durationMs: 1000 }]]],
      );
      assert.equal(withoutTime, 0);
    }
  });

  test('do not depend on where the chunks of the log end', async () => {
    const lines = [
      ...night.slice(0, 4),
      at('07:00:00', 'pg_restore: launching item 12 INDEX i'),
      at('07:00:01', 'pg_restore: finished item 12 INDEX i'),
      ...night.slice(4),
    ];
    const whole = await read(lines);
    for (const chunkBytes of [1, 7, 64, 100]) assert.deepEqual(await read(lines, chunkBytes), whole);
    assert.deepEqual(await read(Buffer.from(lines.join('\r\n'))).then(({ runs }) => runs), whole.runs);
  });

  test('are found in a French log whose accents are broken, and lines without a time are counted only', async () => {
    const broken = (text: string): string => text.replaceAll('é', '√©');
    const { runs, withoutTime } = await read([
      at('01:00:00', 'Start restore'),
      at('01:00:01', broken("pg_restore: lancement de l'élément 3456 TABLE DATA réponses")),
      at('01:00:04', broken('pg_restore: élément terminé 3456 TABLE DATA réponses')),
      'pg_restore: launching item 9 TABLE DATA x',
    ]);
    assert.deepEqual(runs[0]?.categories['TABLE DATA'].longest, [{ name: broken('réponses'), durationMs: 3000 }]);
    assert.equal(withoutTime, 1);
    const latin1 = Buffer.from(
      `${at('01:00:01', "lancement de l'élément 1 INDEX é")}\n${at('01:00:02', 'élément terminé 1 INDEX é')}\n`,
      'latin1',
    );
    assert.equal((await read(latin1)).runs[0]?.categories.INDEX.totalMs, 1000);
  });
});

describe('items', () => {
  test('are summed over the workers in five categories, with the three longest by name', async () => {
    const operations: [string, number][] = [
      ['FK CONSTRAINT answers answers_userid_foreign', 60],
      ['CONSTRAINT users users_pkey', 10],
      ['CONSTRAINT answers answers_pkey', 30],
      ['CHECK CONSTRAINT users users_check', 5],
      ['INDEX a', 1],
      ['INDEX b', 4],
      ['INDEX c', 2],
      ['INDEX d', 3],
      ['SEQUENCE SET users_id_seq', 1],
      ['TABLE answers', 1],
      ['TABLE DATA knowledge-elements', 59],
    ];
    const lines = operations.map(([operation], id) => at('07:00:00', `pg_restore: launching item ${id} ${operation}`));
    // The end need not repeat the operation.
    lines.push(
      ...operations.map(([, seconds], id) =>
        at(`07:${seconds === 60 ? '01:00' : `00:${String(seconds).padStart(2, '0')}`}`, `pg_restore: finished item ${id}`),
      ),
    );
    lines.push(at('07:02:00', 'pg_restore: launching item 99 TABLE DATA answers'));
    const [run] = await runsOf(...night.slice(0, 4), ...lines, ...night.slice(4));
    const told = Object.entries(run?.categories ?? {}).map(([category, { finished, unfinished, totalMs, longest }]) => [
      category,
      finished,
      unfinished,
      totalMs / 1000,
      longest.map(({ name }) => name),
    ]);
    assert.deepEqual(told, [
      ['FK CONSTRAINT', 1, 0, 60, ['answers answers_userid_foreign']],
      ['CONSTRAINT', 2, 0, 40, ['answers answers_pkey', 'users users_pkey']],
      ['INDEX', 4, 0, 10, ['b', 'd', 'c']],
      ['SEQUENCE', 1, 0, 1, ['SET users_id_seq']],
      ['TABLE DATA', 1, 1, 59, ['knowledge-elements']],
    ]);
  });
});
