import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { checkLearningContent, faultInWords } from '../../../activities/lcms/checkLearningContent.ts';
import { learningContentRows } from '../../../activities/lcms/contentRows.ts';
import { arrayLiteral, copyText } from '../../../activities/postgres/copyText.ts';
import { contentTableNames } from '../../../activities/lcms/learningContent.contract.ts';
import { createIndexSql, createTableSql } from '../../../activities/lcms/tableDefinition.ts';
import { contentTables } from '../../../activities/lcms/tables.ts';
import { exampleContent } from './exampleContent.ts';

function faultsOf(body: unknown): string[] {
  return checkLearningContent(body).faults.map(faultInWords);
}

/** The first row of a table by column name. */
function rowOf(table: (typeof contentTableNames)[number], content = exampleContent()): Record<string, unknown> {
  const [row = []] = learningContentRows(table, content[table] ?? []);
  return Object.fromEntries(contentTables[table].columns.map(({ name }, place) => [name, row[place]]));
}

describe('the answer of the learning content API', () => {
  test('is whole when it has the eight arrays and items that fit; what it has besides is left aside', () => {
    const body = { ...exampleContent(), missions: 'not looked at' };
    assert.deepEqual(checkLearningContent(body), { content: body, faults: [] });
  });

  test('is a failure when it is empty, in whatever way', () => {
    for (const body of [undefined, null, '']) assert.deepEqual(faultsOf(body), ['the answer is empty']);
    const hollow = Object.fromEntries(contentTableNames.map((table) => [table, []]));
    assert.deepEqual(faultsOf(hollow), ['the answer is empty: all eight arrays are']);
    assert.equal(faultsOf({}).length, 8);
    assert.deepEqual(faultsOf([1]), ['the answer must be an object with one array per table, is an array of 1']);
  });

  test('has every fault told at once, with table, place of the item and field', () => {
    const { tubes, ...content } = exampleContent({
      attachments: { size: 'big' },
      skills: { level: 3.5, pixValue: 10, tutorialIds: 'tuto1' },
      challenges: {
        id: undefined,
        autoReply: undefined,
        toRephrase: null,
        createdAt: '2021-02-30',
        timer: 40_000,
        urlsToConsult: ['a', null],
      },
      competences: { name_i18n: 'Mener' },
      tutorials: { link: { href: 'x' }, title: 'a\0b' },
    });
    assert.ok(tubes);
    content.courses = [{ id: 'c', name: 'One' }, { name: 'Two' }, { id: 'c', name: 'Three' }, 'four' as unknown as Record<string, unknown>];
    assert.deepEqual(faultsOf({ ...content, areas: 'none' }), [
      'areas: must be an array, is the text "none"',
      'attachments[0].size (att1): must be a number, is the text "big"',
      'competences[0].name_i18n (comp1): must be an object with one text per language, is the text "Mener"',
      'tubes: the array is missing',
      'skills[0].level (skill1): must be a whole number from -32768 to 32767, is 3.5',
      'skills[0].pixValue (skill1): must be a number between -10 and 10, is 10',
      'skills[0].tutorialIds (skill1): must be an array of texts, is the text "tuto1"',
      'challenges[0].id: is missing',
      'challenges[0].timer: must be a whole number from -32768 to 32767, is 40000',
      'challenges[0].autoReply: is missing',
      'challenges[0].createdAt: must be an ISO 8601 instant, is the text "2021-02-30"',
      'challenges[0].toRephrase: is missing',
      'challenges[0].urlsToConsult: element 1 must be a text, is null',
      'courses[1].id: is missing',
      'courses[2].id (c): is that of item 0 too',
      'courses[3]: must be an object, is the text "four"',
      'tutorials[0].title (tuto1): holds a NUL character, which PostgreSQL cannot keep',
      'tutorials[0].link (tuto1): must be a text, is an object',
    ]);
  });
});

describe('rows of the learning content', () => {
  test('take texts in French, and the index of a competence as its code', () => {
    assert.deepEqual(rowOf('competences'), {
      id: 'comp1',
      name: 'Mener une recherche',
      code: '1.1',
      title: 'Mener une recherche',
      origin: 'Pix',
      areaId: 'area1',
    });
    const { practicalTitle, name } = rowOf('tubes', exampleContent({ tubes: { practicalTitle_i18n: undefined } }));
    assert.deepEqual([practicalTitle, name], [null, '@recherche']);
    assert.equal(rowOf('tubes', exampleContent({ tubes: { name: undefined, name_i18n: { fr: 'Nom' } } })).name, 'Nom');
  });

  test('derive the columns of a challenge', () => {
    const row = rowOf('challenges');
    const { skillIds, skillCount, firstSkillId, secondSkillId, thirdSkillId, languages, focus, shuffled, explicativeResponse } = row;
    assert.deepEqual(
      { skillIds, skillCount, firstSkillId, secondSkillId, thirdSkillId, languages, focus, shuffled, explicativeResponse },
      {
        skillIds: ['skill1'],
        skillCount: 1,
        firstSkillId: 'skill1',
        secondSkillId: null,
        thirdSkillId: null,
        languages: ['fr', 'en'],
        focus: true,
        shuffled: false,
        explicativeResponse: 'La solution',
      },
    );
    assert.deepEqual([row.hasEmbedUrl, row.hasAlternativeInstruction], [true, false]);
    assert.deepEqual(rowOf('challenges', exampleContent({ challenges: { skillId: undefined } })).skillIds, []);
  });

  test('take the first element of an array for a scalar column, and arrays as real arrays', () => {
    const { tubeId, tutorialIds, learningMoreTutorialIds } = rowOf('skills', exampleContent({ skills: { tubeId: ['tube1', 'tube2'] } }));
    assert.deepEqual([tubeId, tutorialIds, learningMoreTutorialIds], ['tube1', ['tuto1', 'tuto2'], []]);
    assert.equal(rowOf('skills', exampleContent({ skills: { tutorialIds: undefined } })).tutorialIds, null);
  });

  test('take an instant without an offset as UTC', () => {
    const { createdAt, validatedAt, archivedAt, madeObsoleteAt } = rowOf('challenges');
    assert.deepEqual(
      [createdAt, validatedAt, archivedAt, madeObsoleteAt],
      ['2021-01-08T08:26:13.000Z', '2021-01-09T00:00:00.000Z', '2021-03-28T02:30:00.123456+02:00', null],
    );
  });

  test('are written for COPY with every special character kept apart', () => {
    assert.equal(
      [...copyText([['a\tb\\c\nd\re', null, true, 1.5, ['x,y', '"{}\\']]])].join(''),
      'a\\tb\\\\c\\nd\\re\t\\N\tt\t1.5\t{"x,y","\\\\"{}\\\\\\\\"}\n',
    );
    assert.equal(arrayLiteral([]), '{}');
  });
});

describe('tables of the learning content', () => {
  test('are defined with quoted names, a primary key, booleans that take no null and one index', () => {
    assert.equal(createTableSql('Work "x"', contentTables.areas), 'create table "Work ""x"""."areas" ("id" text primary key, "name" text)');
    assert.match(
      createTableSql('w', contentTables.challenges),
      /"autoReply" boolean not null, .*"focus" boolean not null, .*"contextualizedFields" text\[\]/,
    );
    assert.equal(
      createIndexSql('w', contentTables.challenges),
      'create index "challenges_firstSkillId_idx" on "w"."challenges" ("firstSkillId")',
    );
    assert.equal(createIndexSql('w', contentTables.areas), null);
  });

  test('have the columns of the specification, by number', () => {
    const counts = contentTableNames.map((name) => [name, contentTables[name].columns.length]);
    assert.deepEqual(Object.fromEntries(counts), {
      areas: 2,
      attachments: 6,
      competences: 6,
      tubes: 5,
      skills: 12,
      challenges: 45,
      courses: 2,
      tutorials: 6,
    });
  });
});
