import type { ItemCategory } from './replicationTimes.contract.ts';
import type { RecordedActivity } from './ownRuns.contract.ts';

export type Phase = 'backup' | 'replication' | 'enrichment';

/** What stands for each phase of the old tool (pix 37), by the kind of the work. */
const phases: Record<string, Phase> = {
  holdSnapshot: 'backup',
  defineBeside: 'backup',
  dumpSource: 'backup',
  proveDump: 'backup',
  copyTables: 'replication',
  runStatements: 'replication',
  setSequences: 'replication',
  verifyBeside: 'replication',
  swapBeside: 'replication',
  emptyTarget: 'replication',
  defineInPlace: 'replication',
  restoreInPlace: 'replication',
  verifyInPlace: 'replication',
  finishInPlace: 'enrichment',
};

export function phaseOf({ activity }: RecordedActivity): Phase | null {
  return phases[activity] ?? null;
}

export interface WorkedItem {
  category: ItemCategory;
  id: string;
  name: string;
}

interface ItemInput {
  id: string;
  kind: string;
  title: string;
}

/** The item of pg_restore that an activity of the copy beside stands for; null: none. */
export function itemOf({ activity, input }: RecordedActivity): WorkedItem | null {
  if (activity === 'setSequences') return { category: 'SEQUENCE', id: 'sequences', name: 'all sequences' };
  if (activity !== 'copyTables' && activity !== 'runStatements') return null;
  const item = field(input, 'item');
  if (!isItem(item)) return null;
  const category = categoryOf(item);
  return category ? { category, id: item.id, name: item.title } : null;
}

/** An index of the replica's own that was built by itself. */
export function isEnrichment({ activity, input }: RecordedActivity): boolean {
  const item = field(input, 'item');
  const extra = field(field(input, 'copy'), 'extraIndexes');
  if (activity !== 'runStatements' || !isItem(item) || !Array.isArray(extra)) return false;
  return item.kind === 'index' && extra.some((index: unknown) => item.id === `index/${String(field(index, 'name'))}`);
}

/** `attach` joins indexes of partitions to their parents, and under this id makes built indexes the keys of their tables. */
const keysId = 'attach/keys';

function categoryOf({ kind, id }: ItemInput): ItemCategory | null {
  switch (kind) {
    case 'copy':
      return 'TABLE DATA';
    case 'index':
      return 'INDEX';
    case 'attach':
      return id === keysId ? 'CONSTRAINT' : 'INDEX';
    case 'foreignKey':
      return 'FK CONSTRAINT';
    default:
      return null;
  }
}

function isItem(value: unknown): value is ItemInput {
  return ['id', 'kind', 'title'].every((name) => typeof field(value, name) === 'string');
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
