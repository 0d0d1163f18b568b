import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What a worked example does to one file: writes it (`ts`), or adds lines to it (`diff`). */
export interface Change {
  path: string;
  kind: 'ts' | 'diff';
  text: string;
}

/** The blocks of code of a section, in order; the line in bold above each names the file. */
export function changesOf(page: string, section: string): Change[] {
  const [, text = ''] = new RegExp(`^## ${section}\n(.*?)(?=^## |$(?![^]))`, 'ms').exec(page) ?? [];
  return [...text.matchAll(/^\*\*[^\n]*`([\w./-]+)`\n\n```(ts|diff)\n(.*?)^```$/gms)].map(([, path = '', kind, code = '']) => ({
    path,
    kind: kind as Change['kind'],
    text: code,
  }));
}

/** Lines that a person adds, blank ones left out. */
export function addedLines({ kind, text }: Change): string[] {
  return text.split('\n').filter((line) => (kind === 'ts' ? line.trim() !== '' : line.startsWith('+')));
}

/** Throws when a file to be written is there, or when the lines around an addition stand in the file not once. */
export async function applyChange(tree: string, { path, kind, text }: Change): Promise<void> {
  const file = join(tree, path);
  await mkdir(dirname(file), { recursive: true });
  if (kind === 'ts') return writeFile(file, text, { flag: 'wx' });
  let content = await readFile(file, 'utf8');
  for (const hunk of text.split(/^@@\n/m)) {
    const lines = hunk.split('\n').slice(0, -1);
    const former = linesOf(lines.filter((line) => line.startsWith(' ')));
    if (content.split(former).length !== 2) throw new Error(`not once in ${path}:\n${former}`);
    content = content.replace(former, () => linesOf(lines));
  }
  await writeFile(file, content);
}

const linesOf = (lines: string[]): string => lines.map((line) => `${line.slice(1)}\n`).join('');
