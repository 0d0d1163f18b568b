/** What a text may cite. */
export interface Citable {
  /** Paths of all files, from the root. */
  files: readonly string[];
  /** Numbers of the rules of each system's page: by the name of the system. */
  rules: ReadonlyMap<string, ReadonlySet<number>>;
}

/** Numbers of the rules on the page of a system: each begins with its name and number in bold. */
export function rulesOf(system: string, page: string): number[] {
  return [...page.matchAll(new RegExp(`^- \\*\\*${system} (\\d+)\\*\\* `, 'gm'))].map(([, number]) => Number(number));
}

/** Citations that lead nowhere: documents that are not in the tree, rules that their page lacks, codes and sections of documents elsewhere. */
export function badCitations(text: string, { files, rules }: Citable): string[] {
  const documents = [...text.matchAll(/[\w.-]+(?:\/[\w.-]+)*\.md\b/g)]
    .map(([cited]) => cited)
    .filter((cited) => {
      const path = cited.replace(/^(?:\.{1,2}\/)+/, '');
      return !files.some((file) => file === path || file.endsWith(`/${path}`));
    });
  const numbered = new RegExp(`\\b(${[...rules.keys()].join('|')})(?:\\.md)? (\\d+(?:(?:, |-| to | and )\\d+)*)\\b`, 'g');
  const absent = [...text.matchAll(numbered)].flatMap(([, system = '', numbers = '']) =>
    numbers
      .split(/\D+/)
      .filter((number) => !rules.get(system)?.has(Number(number)))
      .map((number) => `${system} ${number}`),
  );
  const elsewhere = [...text.matchAll(/\b[A-Z]{2}-\d{2}\b|\b[A-Z]\.\d+\.\d+\b/g)].map(([code]) => code);
  return [...documents, ...absent, ...elsewhere];
}
