import type { ColumnSource, ColumnType, ContentColumn, ContentTable, ContentTableName } from './learningContent.contract.ts';

/** A column that takes the field of its own name, or what `from` says. */
function column(name: string, type: ColumnType = 'text', from: ColumnSource = { field: name }): ContentColumn {
  return type === 'boolean' ? { name, type, notNull: true, from } : { name, type, from };
}

const id: ContentColumn = { name: 'id', type: 'text', notNull: true, from: { field: 'id' } };
const texts = (...names: string[]): ContentColumn[] => names.map((name) => column(name));
const typed = (type: ColumnType, ...names: string[]): ContentColumn[] => names.map((name) => column(name, type));

/** Columns, types, derivations and indexes, table by table. */
export const contentTables: Readonly<Record<ContentTableName, ContentTable>> = {
  areas: { name: 'areas', columns: [id, column('name')] },
  attachments: { name: 'attachments', columns: [id, ...texts('type', 'challengeId', 'alt', 'url'), column('size', 'numeric')] },
  competences: {
    name: 'competences',
    columns: [
      id,
      column('name', 'text', { french: 'name' }),
      column('code', 'text', { field: 'index' }),
      column('title', 'text', { french: 'name' }),
      ...texts('origin', 'areaId'),
    ],
    index: 'areaId',
  },
  tubes: {
    name: 'tubes',
    columns: [
      id,
      column('name', 'text', { fieldOrFrench: 'name' }),
      column('practicalTitle', 'text', { french: 'practicalTitle' }),
      column('practicalDescription', 'text', { french: 'practicalDescription' }),
      column('competenceId'),
    ],
    index: 'competenceId',
  },
  skills: {
    name: 'skills',
    columns: [
      id,
      ...texts('name', 'description'),
      column('level', 'smallint'),
      ...texts('tubeId', 'status'),
      column('pixValue', 'numeric(6,5)'),
      column('hint', 'text', { french: 'hint' }),
      column('hintStatus'),
      ...typed('text[]', 'tutorialIds', 'learningMoreTutorialIds'),
      column('internationalisation'),
    ],
    index: 'tubeId',
  },
  challenges: {
    name: 'challenges',
    columns: [
      id,
      ...texts('instruction', 'status', 'type'),
      column('timer', 'smallint'),
      column('autoReply', 'boolean'),
      column('skillId'),
      column('skillIds', 'text[]', { listOf: 'skillId' }),
      column('skillCount', 'smallint', { constant: 1 }),
      column('firstSkillId', 'text', { field: 'skillId' }),
      column('secondSkillId', 'text', { constant: null }),
      column('thirdSkillId', 'text', { constant: null }),
      column('languages', 'text[]', { field: 'locales' }),
      column('embedUrl'),
      column('hasEmbedUrl', 'boolean', { hasValue: 'embedUrl' }),
      column('alternativeInstruction'),
      column('hasAlternativeInstruction', 'boolean', { hasValue: 'alternativeInstruction' }),
      column('area'),
      column('focus', 'boolean', { flag: 'focusable' }),
      column('explicativeResponse', 'text', { field: 'solutionToDisplay' }),
      column('shuffled', 'boolean', { flag: 'shuffled' }),
      ...typed('numeric', 'delta', 'alpha'),
      ...typed('timestamptz', 'createdAt', 'validatedAt', 'archivedAt', 'madeObsoleteAt'),
      ...texts('accessibility1', 'accessibility2', 'spoil', 'responsive', 'deafAndHardOfHearing'),
      ...typed('boolean', 'requireGafamWebsiteAccess', 'isIncompatibleIpadCertif', 'toRephrase', 'isAwarenessChallenge'),
      column('genealogy'),
      ...typed('smallint', 'version', 'alternativeVersion'),
      ...texts('declinable', 'proposals', 'solution', 'pedagogy'),
      ...typed('text[]', 'contextualizedFields', 'urlsToConsult'),
    ],
    index: 'firstSkillId',
  },
  courses: { name: 'courses', columns: [id, column('name')] },
  tutorials: {
    name: 'tutorials',
    columns: [id, ...texts('title', 'link'), ...typed('text[]', 'tutorialForSkills', 'furtherInformation'), column('locale')],
    index: 'title',
  },
};
