import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { chooseEntries } from '../../../activities/warehouse/inPlace/archiveList.ts';
import { openCopyCounter } from '../../../activities/warehouse/inPlace/copyCounter.ts';
import { judgeRestore } from '../../../activities/warehouse/inPlace/restoreErrors.ts';

const script = Buffer.from(
  [
    'SET client_encoding;',
    'COPY public."two  blanks" (id, "FROM stdin;") FROM stdin;',
    '1\tCOPY public.x (a) FROM stdin;',
    '\\N\t\\\\.',
    '\\.',
    '',
    'COPY public._x  FROM stdin;',
    '\\.',
    'COPY public.long (t) FROM stdin;',
    `${'y'.repeat(500)}`,
    '',
    '\\.',
    `SELECT pg_catalog.setval('public."Odd''s_seq"', 42, true);`,
    '',
  ].join('\n'),
);
const facts = {
  ...{ begunAt: '', wanted: [], types: { '1247/7': 'mood' }, keysToKept: { '2606/9': 'k on t' } },
  ...{ tables: { 20: '_x' }, parts: { '1259/3': '["index","a"]', '2606/9': '["constraint","t","k"]' } },
};
const list = [
  '; Archive created at …',
  '5; 2615 2200 SCHEMA - public owner',
  '6; 0 0 COMMENT - EXTENSION plpgsql',
  '7; 1247 7 TYPE public mood owner',
  '8; 1259 20 TABLE public _x owner',
  '9; 0 20 TABLE DATA public _x owner',
  '10; 1259 3 INDEX public a  b owner',
  '11; 2606 9 FK CONSTRAINT public t k owner',
  '12; 2606 10 FK CONSTRAINT public t other owner',
].join('\n');
const rules = { foreignKeys: true, sharedTypes: [], facts, standing: new Set<string>(), filled: new Set<string>() };
const numbers = (text: string): number[] => text.split('\n').flatMap((line) => (line === '' ? [] : [Number.parseInt(line, 10)]));

describe('what a replacement in place reads', () => {
  test('counts rows of a script wherever its pieces are cut, and reads positions of sequences', () => {
    for (const size of [1, 2, 3, 7, 64, script.length]) {
      const counter = openCopyCounter();
      for (let at = 0; at < script.length; at += size) counter.push(script.subarray(at, at + size));
      const { content, open } = counter.end();
      assert.equal(open, null);
      assert.deepEqual(content, { rows: { 'two  blanks': 2, _x: 0, long: 2 }, sequences: { "Odd's_seq": { last: '42', called: true } } });
    }
  });

  test('a script that ends within a table is told', () => {
    const counter = openCopyCounter();
    counter.push(script.subarray(0, script.indexOf('\\N')));
    assert.equal(counter.end().open, 'two  blanks');
  });

  test('leaves out schema, comments on extensions and foreign keys to kept tables, and keeps names with blanks and underscores', () => {
    const chosen = chooseEntries(list, rules);
    assert.deepEqual(numbers(chosen.text), [7, 8, 9, 10, 12]);
    assert.deepEqual(chosen.leftOut, ['foreign key k on t to a kept table is not created']);
    assert.deepEqual(numbers(chooseEntries(list, { ...rules, foreignKeys: false, sharedTypes: ['mood'] }).text), [8, 9, 10]);
  });

  test('leaves out what stands already', () => {
    const chosen = chooseEntries(list, { ...rules, standing: new Set(['["index","a"]']), filled: new Set(['_x']) });
    assert.deepEqual(numbers(chosen.text), [7, 8, 12]);
    assert.equal(chosen.stood, 2);
  });

  test('lets an error on a comment of an extension pass by name, and no error on anything else', () => {
    const said = (entry: string): string =>
      `pg_restore: while PROCESSING TOC:\npg_restore: from TOC entry 6; 0 0 ${entry}\npg_restore: error: could not execute query: ERROR:  must be owner\n`;
    const end = 'pg_restore: warning: errors ignored on restore: 1\n';
    const comment = said('COMMENT EXTENSION plpgsql ');
    assert.deepEqual(judgeRestore({ exitCode: 1, log: comment + end }), ['not restored: COMMENT EXTENSION plpgsql: ERROR:  must be owner']);
    assert.throws(() => judgeRestore({ exitCode: 1, log: comment }), { type: 'PostgresFailed' });
    assert.throws(() => judgeRestore({ exitCode: 1, log: comment + said('INDEX public a owner') + end }), { type: 'PostgresFailed' });
    assert.throws(() => judgeRestore({ exitCode: 1, log: 'pg_restore: error: could not extend file "x": No space left on device' }), {
      type: 'DiskSpaceInsufficient',
    });
  });
});
