import { createHash } from 'node:crypto';

export const learningContentTables = [
  'areas',
  'attachments',
  'competences',
  'tubes',
  'skills',
  'challenges',
  'courses',
  'tutorials',
] as const;

export type LearningContentTable = (typeof learningContentTables)[number];
export type LearningContentCounts = Record<LearningContentTable, number>;
export type LearningContentItem = Record<string, unknown>;
export type LearningContent = Record<LearningContentTable, LearningContentItem[]>;

/** Items of each table; `size` 1 is a small but whole referential, 10 about a real one. */
export function learningContentCounts(size: number): LearningContentCounts {
  const counts = { areas: 5, attachments: 120, competences: 16, tubes: 80, skills: 300, challenges: 900, courses: 12, tutorials: 250 };
  const scaled = Object.entries(counts).map(([table, count]) => [table, Math.max(1, Math.round(count * size))]);
  return Object.fromEntries(scaled) as LearningContentCounts;
}

/** Texts that break what builds arrays or SQL carelessly (pix 29). */
const sayings = [
  'une consigne ordinaire',
  'a,b',
  '{accolades}',
  'elle dit "oui"',
  "l'été",
  'C:\\temp\\n',
  'deux\nlignes',
  'NULL',
  '日本語 😀',
  '{"a,b",\\"c\\"}',
  ' espaces ',
  '$1 %s \\N',
];

const saying = (n: number): string => sayings[n % sayings.length] ?? '';
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const cycle = <Value>(n: number, values: readonly Value[]): Value | undefined => values[n % values.length];
const moment = (n: number): string => new Date(Date.UTC(2020, 0, 1) + n * 3_600_000 * 7).toISOString();

/** Id of the n-th item of its kind, from 1; the Pix source names skills, competences and challenges by the same (generators.sql). */
export function contentId(kind: string, n: number): string {
  return `rec${createHash('md5').update(`${kind}/${n}`).digest('hex').slice(0, 14)}`;
}

/** What LCMS answers: the eight tables with their fields before the mapping (pix 28), and some more as the real one has. The same for the same size. */
export function learningContent(size: number): LearningContent & Record<string, unknown> {
  const counts = learningContentCounts(size);
  const idOf = (kind: string, n: number, count: number): string => contentId(kind, 1 + ((n - 1) % count));
  return {
    frameworks: [{ id: 'recFramework', name: 'Pix' }],
    areas: range(counts.areas).map((n) => ({ id: contentId('area', n), name: `${n}. ${saying(n)}`, color: 'jaffa' })),
    attachments: range(counts.attachments).map((n) => ({
      id: contentId('attachment', n),
      type: cycle(n, ['illustration', 'attachment']),
      challengeId: idOf('challenge', n, counts.challenges),
      alt: n % 3 === 0 ? null : saying(n),
      url: `https://files.example/${n}/${encodeURIComponent(saying(n))}`,
      size: n * 1013,
    })),
    competences: range(counts.competences).map((n) => ({
      id: contentId('competence', n),
      name_i18n: { fr: `Compétence ${n} : ${saying(n)}`, en: `Competence ${n}` },
      index: `${1 + ((n - 1) % 5)}.${n}`,
      origin: 'Pix',
      areaId: idOf('area', n, counts.areas),
    })),
    tubes: range(counts.tubes).map((n) => ({
      id: contentId('tube', n),
      name: `@tube${n}`,
      practicalTitle_i18n: { fr: saying(n), en: 'title' },
      practicalDescription_i18n: { fr: n % 9 === 0 ? null : `Décrire ${saying(n + 1)}` },
      competenceId: idOf('competence', n, counts.competences),
    })),
    skills: range(counts.skills).map((n) => ({
      id: contentId('skill', n),
      name: `@acquis${n}`,
      description: saying(n),
      level: 1 + (n % 8),
      tubeId: idOf('tube', n, counts.tubes),
      status: cycle(n, ['actif', 'archivé', 'périmé']),
      pixValue: (n % 5) + 0.12345,
      hint_i18n: n % 4 === 0 ? {} : { fr: saying(n + 2), en: 'hint' },
      hintStatus: 'Validé',
      tutorialIds: n % 3 === 0 ? [] : [idOf('tutorial', n, counts.tutorials), idOf('tutorial', n + 1, counts.tutorials)],
      learningMoreTutorialIds: n % 2 === 0 ? undefined : [idOf('tutorial', n + 2, counts.tutorials)],
      internationalisation: cycle(n, ['Monde', 'France', null]),
    })),
    challenges: range(counts.challenges).map((n) => challenge(n, idOf('skill', n, counts.skills))),
    courses: range(counts.courses).map((n) => ({ id: contentId('course', n), name: `Épreuve ${n} ${saying(n)}`, isActive: n % 2 === 0 })),
    tutorials: range(counts.tutorials).map((n) => ({
      id: contentId('tutorial', n),
      title: `Tutoriel ${n} ${saying(n)}`,
      link: `https://tutorials.example/?n=${n}&q=${encodeURIComponent(saying(n))}`,
      tutorialForSkills: range(n % 4).map((k) => idOf('skill', n + k, counts.skills)),
      furtherInformation: n % 5 === 0 ? undefined : [saying(n), saying(n + 1)],
      locale: cycle(n, ['fr-fr', 'en-us']),
    })),
  };
}

function challenge(n: number, skillId: string): LearningContentItem {
  return {
    id: contentId('challenge', n),
    instruction: `Consigne ${n}\n${saying(n)}`,
    alternativeInstruction: n % 5 === 0 ? saying(n) : '',
    proposals: `- ${saying(n)}\n- ${saying(n + 1)}`,
    type: cycle(n, ['QCU', 'QCM', 'QROC', 'QROCM-ind']),
    solution: String(1 + (n % 4)),
    solutionToDisplay: n % 6 === 0 ? saying(n) : null,
    pedagogy: 'q-situation',
    status: cycle(n, ['validé', 'archivé', 'périmé', 'proposé']),
    skillId,
    embedUrl: n % 7 === 0 ? `https://embed.example/${n}` : null,
    area: 'France',
    accessibility1: 'OK',
    accessibility2: cycle(n, ['RAS', null]),
    spoil: 'Non Sp',
    responsive: 'Tablette',
    deafAndHardOfHearing: 'RAS',
    genealogy: cycle(n, ['Prototype 1', 'Décliné 1']),
    declinable: 'facilement',
    timer: n % 10 === 0 ? 60 : undefined,
    version: 1 + (n % 3),
    alternativeVersion: n % 4 === 0 ? 2 : null,
    delta: n % 3 === 0 ? null : (n % 700) / 100 - 3.5,
    alpha: n % 3 === 0 ? null : (n % 300) / 100,
    autoReply: n % 40 === 0,
    focusable: n % 8 === 0,
    shuffled: n % 9 === 0,
    requireGafamWebsiteAccess: n % 30 === 0,
    isIncompatibleIpadCertif: n % 31 === 0,
    toRephrase: n % 32 === 0,
    isAwarenessChallenge: n % 33 === 0,
    locales: cycle(n, [['fr', 'fr-fr'], ['en'], ['nl-be', 'nl']]),
    contextualizedFields: n % 4 === 0 ? ['instruction', 'illustration'] : [],
    urlsToConsult: n % 11 === 0 ? [`https://consult.example/a,b?q={${n}}`, 'https://consult.example/"quoted"'] : null,
    createdAt: moment(n),
    validatedAt: n % 4 === 0 ? null : moment(n + 10),
    archivedAt: n % 4 === 1 ? moment(n + 500) : null,
    madeObsoleteAt: n % 4 === 2 ? moment(n + 900) : null,
  };
}
