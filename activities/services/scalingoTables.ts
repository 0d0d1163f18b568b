/** The rows of a table that the CLI prints, by the names in its heading; lines around the table are none. Borders: lines, or in older versions "|" and "+". */
export function readTable(text: string): Record<string, string>[] {
  const rows = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^[│|].*[│|]$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/[│|]/)
        .map((cell) => cell.trim()),
    );
  const [heading = [], ...others] = rows;
  return others.map((cells) => Object.fromEntries(heading.map((name, index) => [name.toUpperCase(), cells[index] ?? ''])));
}

export interface ContainerKind {
  /** How many are wanted. */
  amount: number;
  size: string;
  /** Scaled by the platform itself; scaling by hand would end that. */
  autoscaled: boolean;
}

/** One kind of containers in what `scalingo scale` prints without arguments; null when the application has none of that name. */
export function readKind(text: string, kind: string): ContainerKind | null {
  for (const { NAME = '', AMOUNT = '', SIZE = '' } of readTable(text)) {
    const [, name = NAME, star] = /^(\S+)( \(\*\))?$/.exec(NAME) ?? [];
    if (name === kind && /^\d+$/.test(AMOUNT)) return { amount: Number(AMOUNT), size: SIZE, autoscaled: star !== undefined };
  }
  return null;
}

/** States of the containers of one kind in what `scalingo ps` prints, for example ["running", "starting"]; they are called kind-number. */
export function readContainerStates(text: string, kind: string): string[] {
  return readTable(text).flatMap(({ NAME = '', STATUS = '' }) => (NAME.replace(/-\d+$/, '') === kind && NAME !== kind ? [STATUS] : []));
}
