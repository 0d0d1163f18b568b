import Table from 'cli-table3';

import type { Figure, Section } from './bench.contract.ts';
import { summarise } from './statistics.ts';

/** One table per section: median and range over the rounds, target and verdict, then the notes. */
export function tellSection({ title, figures, notes }: Section, say: (line: string) => void): void {
  const table = new Table({
    head: ['figure', 'unit', 'median', 'range', 'target', 'verdict'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'left'],
  });
  for (const figure of figures) {
    const { median, least, most } = summarise(figure.values);
    table.push([
      figure.what,
      figure.unit,
      short(median),
      `${short(least)} .. ${short(most)}`,
      targetText(figure.target),
      verdictOf(figure) ?? '',
    ]);
  }
  say(`\n${title}`);
  say(table.toString());
  for (const note of notes) say(`- ${note}`);
}

/** "met" or "MISSED" by the median; undefined without a target. */
export function verdictOf({ values, target }: Figure): 'met' | 'MISSED' | undefined {
  if (!target) return undefined;
  const { median } = summarise(values);
  return ('atMost' in target ? median <= target.atMost : median >= target.atLeast) ? 'met' : 'MISSED';
}

function targetText(target: Figure['target']): string {
  if (!target) return '';
  return 'atMost' in target ? `< ${target.atMost}` : `>= ${target.atLeast}`;
}

function short(value: number): string {
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}
