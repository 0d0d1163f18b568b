/** A small whole answer of the learning content API; fields may be overridden per table for its first item. */
export function exampleContent(over: Partial<Record<string, Record<string, unknown>>> = {}): Record<string, Record<string, unknown>[]> {
  const content: Record<string, Record<string, unknown>[]> = {
    areas: [{ id: 'area1', name: '1. Information et données', color: 'jaffa' }],
    attachments: [{ id: 'att1', type: 'image', challengeId: 'ch1', alt: 'Une "image"', url: 'https://files.example/a.png', size: 12345.5 }],
    competences: [{ id: 'comp1', name_i18n: { fr: 'Mener une recherche', en: 'Search' }, index: '1.1', origin: 'Pix', areaId: 'area1' }],
    tubes: [
      {
        id: 'tube1',
        name: '@recherche',
        practicalTitle_i18n: { fr: 'Titre' },
        practicalDescription_i18n: { fr: 'Deux\nlignes\tet une tabulation' },
        competenceId: 'comp1',
      },
    ],
    skills: [
      {
        id: 'skill1',
        name: '@recherche2',
        description: null,
        level: 2,
        tubeId: 'tube1',
        status: 'actif',
        pixValue: 1.2345678,
        hint_i18n: { fr: 'Cherche \\ bien', en: 'Look' },
        hintStatus: 'Validé',
        tutorialIds: ['tuto1', 'tuto2'],
        learningMoreTutorialIds: [],
        internationalisation: 'Monde',
      },
    ],
    challenges: [exampleChallenge()],
    courses: [{ id: 'course1', name: 'Parcours' }],
    tutorials: [
      {
        id: 'tuto1',
        title: 'Un tutoriel',
        link: 'https://tuto.example/?a=1&b={2}',
        tutorialForSkills: ['skill1'],
        furtherInformation: ['a,b', '{c}', '"d"', 'e\\f', 'NULL', '', ' g ', 'h\ti\nj'],
        locale: 'fr-fr',
      },
    ],
  };
  for (const [table, fields] of Object.entries(over)) Object.assign(content[table]?.[0] ?? {}, fields);
  return content;
}

function exampleChallenge(): Record<string, unknown> {
  return {
    id: 'ch1',
    instruction: '\\N',
    status: 'validé',
    type: 'QCU',
    timer: null,
    autoReply: false,
    skillId: 'skill1',
    locales: ['fr', 'en'],
    embedUrl: 'https://embed.example/',
    alternativeInstruction: '',
    area: 'France',
    focusable: true,
    solutionToDisplay: 'La solution',
    delta: -0.5,
    alpha: 1.0000001,
    createdAt: '2021-01-08T08:26:13.000Z',
    validatedAt: '2021-01-09',
    archivedAt: '2021-03-28T02:30:00.123456+02:00',
    accessibility1: 'OK',
    requireGafamWebsiteAccess: true,
    isIncompatibleIpadCertif: false,
    toRephrase: false,
    isAwarenessChallenge: false,
    version: 3,
    urlsToConsult: ['https://a.example/?x={1,2}'],
  };
}
