import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { InvalidArgumentError } from 'commander';

import type { Bench, Section } from './bench.contract.ts';
import { machineFacts } from './machineFacts.ts';
import { tellSection, verdictOf } from './report.ts';
import { summarise } from './statistics.ts';

export interface BenchOptions {
  rounds: number;
  json?: boolean;
}

export type Parts<Options extends BenchOptions> = Record<string, (bench: Bench, options: Options) => Promise<Section | Section[]>>;

/** Runs the wanted parts, told as tables or as JSON. Exit code 0: measured, whatever the verdicts; 130: interrupted. */
export async function runBenchmark<Options extends BenchOptions>(parts: Parts<Options>, wanted: string[], options: Options): Promise<void> {
  // With --json only the answer goes to the standard output.
  const say = (line: string): void => (options.json ? console.error(line) : console.log(line));
  const stopping = new AbortController();
  const stopped = new Promise<never>((_, reject) =>
    stopping.signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true }),
  );
  stopped.catch(() => {});
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      say(`${signal}: ending what was started …`);
      stopping.abort();
    });
  const facts = await machineFacts();
  const sections: Section[] = [];
  try {
    for (const name of wanted.length > 0 ? wanted : Object.keys(parts)) {
      const measure = parts[name];
      if (!measure) throw new Error(`there is no part "${name}"; parts: ${Object.keys(parts).join(', ')}`);
      const measured = await withEnds(options, say, stopping.signal, (bench) => Promise.race([measure(bench, options), stopped]));
      sections.push(...(Array.isArray(measured) ? measured : [measured]));
    }
  } catch (error) {
    console.error(stopping.signal.aborted ? 'interrupted: nothing measured of this part' : error);
    process.exitCode = stopping.signal.aborted ? 130 : 1;
  }
  tell(facts, sections, options, say);
}

/** An own folder, and everything that the part began ended in reverse order whatever happens. */
async function withEnds(
  { rounds }: BenchOptions,
  say: (line: string) => void,
  signal: AbortSignal,
  measure: (bench: Bench) => Promise<Section | Section[]>,
): Promise<Section | Section[]> {
  const directory = await mkdtemp(join(tmpdir(), 'ns-bench-'));
  const ends: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  try {
    return await measure({ rounds, directory, say, signal, atEnd: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end().catch((error: unknown) => say(`at the end: ${String(error)}`));
  }
}

function tell(facts: Record<string, string>, sections: Section[], { json }: BenchOptions, say: (line: string) => void): void {
  if (json) {
    const measured = sections.map(({ figures, ...rest }) => ({
      ...rest,
      figures: figures.map((figure) => ({ ...figure, ...summarise(figure.values), verdict: verdictOf(figure) ?? null })),
    }));
    console.log(JSON.stringify({ machine: facts, sections: measured }, null, 2));
    return;
  }
  for (const section of sections) tellSection(section, say);
  say('\nMachine (one of several users may be busy on it: repeat what looks odd)');
  for (const [name, value] of Object.entries(facts)) say(`  ${name.padEnd(14)}${value}`);
}

/** For commander: a number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0');
  return value;
}
