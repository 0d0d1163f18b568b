import type { CopiedSchema } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import { failure } from '../../activities/failure.ts';
import type { BesidePlan, SwapReport, WorkItem } from '../../activities/warehouse/beside/beside.contract.ts';
import type { IncrementalTableReport, InspectedTable } from '../../activities/warehouse/incremental/incremental.contract.ts';
import { contentTableNames, type LearningContentReport } from '../../activities/lcms/learningContent.contract.ts';
import type { OpenDataReport } from '../../activities/openData/openData.contract.ts';
import { FakeInPlace } from './fakeInPlace.ts';
import type { FakeReplicaActivities, Generation, ReplicaState, WarehouseState } from './fakeReplica.contract.ts';
import { factsOf } from './fakeReplicaCalls.ts';

interface Built {
  snapshot: string;
  done: Set<string>;
  sequences: boolean;
  verified: boolean;
}

const copiedSchema: CopiedSchema = { entries: 3, leftOut: [] };
const openDataReport: OpenDataReport = {
  ...{ table: 'cpf', rows: 5, totalCount: 5, columns: [], rebound: [], lost: [], yielded: 0, lockedMs: 1 },
};
const contentReport: LearningContentReport = {
  rows: Object.fromEntries(contentTableNames.map((name) => [name, 1])) as LearningContentReport['rows'],
  ...{ rebound: [], yielded: 0, lockedMs: 1 },
};
const swapReport: SwapReport = { swappedAt: '2026-01-01T00:00:00.000Z', moved: 3, replaced: 3, rebound: [], yielded: 0, lockedMs: 5 };

/** The work of a small warehouse: every kind of item once, and a piece that needs no table. */
export const fakePlan: BesidePlan = {
  copies: [item('copy', 'copy/users', ['users'], 900), item('copy', 'copy/small', ['memberships', 'tags'], 100)],
  indexes: [item('index', 'index/users', ['users'], 500), item('index', 'index/tags', ['tags'], 50), item('index', 'index/none', [], 1)],
  attaches: [item('attach', 'attach/users', ['users'], 1)],
  analyze: [item('analyze', 'analyze/users', ['users'], 1)],
  foreignKeys: [item('foreignKey', 'foreignKey/memberships', ['memberships'], 1)],
  finish: [item('finish', 'finish/triggers', [], 1)],
  warnings: [],
};
const allItems = [fakePlan.copies, fakePlan.indexes, fakePlan.attaches, fakePlan.analyze, fakePlan.foreignKeys, fakePlan.finish].flat();

function item(kind: WorkItem['kind'], id: string, tables: string[], bytes: number): WorkItem {
  return { id, kind, title: `${kind} ${id}`, tables, statements: kind === 'copy' ? [] : [1], bytes, rows: bytes };
}

/**
 * A fake of a replica's two sides, its store and its receivers in memory, behind the contracts of the activities. It obeys what matters (nothing is copied
 * without the snapshot, nothing is used that was not verified, what fails has begun) and records every violation that it sees.
 */
export class FakeReplica extends FakeInPlace {
  /** Of incremental tables on the target, by name; default: ready. */
  readonly tableStates = new Map<string, InspectedTable['state']>();
  /** Rows that a copy of the table finds missing on the target. */
  readonly differences = new Map<string, number>();
  undoable: WarehouseState | null = null;
  private content: Generation = 'former';
  private openData: Generation = 'former';
  private schemaCopy: Generation = 'former';
  private readonly rows = new Map<string, number>();
  private readonly objects = new Map<string, string>();
  private readonly told = new Map<string, string>();
  private readonly swapped = new Set<string>();
  private readonly copied = new Set<string>();
  private snapshot: string | null = null;
  private snapshots = 0;
  private built: Built | null = null;
  private loading: string | null = null;
  private parts = 0;

  override state(): ReplicaState {
    return {
      warehouse: this.warehouse,
      undoable: this.undoable,
      content: this.content,
      openData: this.openData,
      schemaCopy: this.schemaCopy,
      incremental: Object.fromEntries(this.rows),
      objects: [...this.objects.keys()],
      told: [...this.told.values()],
      leftovers: [
        ...(this.snapshot ? ['a held snapshot'] : []),
        ...(this.built ? ['a copy built beside'] : []),
        ...(this.loading ? [`a load of ${this.loading}`] : []),
        ...(this.parts > 0 ? ['parts of an upload'] : []),
        ...this.filesOfWorker(),
      ],
    };
  }

  protected override loseSnapshot(): void {
    this.snapshot = null;
  }

  private readonly build = (snapshot: string): void => {
    this.built = { snapshot, done: new Set(), sequences: false, verified: false };
  };

  private finish(id: string, of: string): { done: number; skipped: number } {
    this.rule(this.built !== null, `${of} without a definition`);
    this.built?.done.add(id);
    return { done: 1, skipped: 0 };
  }

  private append(table: string, run: string): IncrementalTableReport {
    const before = this.rows.get(table) ?? 0;
    // Checkpoints: another attempt of the same run finds its rows there.
    if (!this.copied.has(`${run} ${table}`)) this.rows.set(table, before + 10);
    this.copied.add(`${run} ${table}`);
    const after = this.rows.get(table) ?? 0;
    return {
      ...{ table, rows: 10, chunks: 1, keyBefore: String(before), keyAfter: String(after), lateRows: 0, updates: 0, deletes: 0 },
      ...{ comparedBy: 'transactions', seconds: 0.1 },
      counts: { source: after + (this.differences.get(table) ?? 0), target: after },
    };
  }

  /** @param link of the calling run: see ReplicaCall. */
  activities(link = ''): FakeReplicaActivities {
    this.link = link;
    const nothing = (): string => '';
    const ofTable = ({ table }: { table: string }): string => table;
    const ofItem = ({ item: { id } }: { item: WorkItem }): string => id;
    return {
      ...this.inPlaceActivities(),
      inspectBeside: this.wrap('inspectBeside', nothing, async ({ copy }) => ({
        ...{
          source: factsOf(copy.source),
          target: factsOf(copy.target),
          obstacles: [],
          faults: [],
          warnings: [],
          sharedTypes: [],
          rebound: [],
        },
        tables: fakePlan.copies.flatMap(({ tables }) => tables.map((name) => ({ name, estimatedRows: 10, bytes: 100 }))),
      })),
      holdSnapshot: this.wrap(
        'holdSnapshot',
        nothing,
        async () => {
          this.snapshots += 1;
          this.snapshot = `snapshot-${this.snapshots}`;
          return { id: this.snapshot, backend: this.snapshots, takenAt: '2026-01-01T00:00:00.000Z' };
        },
        () => (this.snapshot = 'of a failed attempt'),
      ),
      releaseSnapshot: this.wrap('releaseSnapshot', nothing, async () => {
        this.snapshot = null;
      }),
      defineBeside: this.wrap(
        'defineBeside',
        nothing,
        async ({ snapshot }) => {
          this.rule(this.snapshot === snapshot.id, 'defined without its snapshot');
          this.build(snapshot.id);
          return fakePlan;
        },
        ({ snapshot }) => this.build(snapshot.id),
      ),
      copyTables: this.wrap('copyTables', ofItem, async ({ snapshot, item: { id, tables, rows } }) => {
        // Two tables are copied at once, and the other one may have lost it.
        if (this.snapshot === null) throw failure('SnapshotLost', `${id}: its snapshot is gone`);
        this.rule(this.snapshot === snapshot.id && this.built?.snapshot === snapshot.id, `${id} copied without its snapshot`);
        this.finish(id, id);
        return tables.map((table) => ({ table, rows, bytes: rows }));
      }),
      runStatements: this.wrap('runStatements', ofItem, async ({ item: { id, tables } }) => {
        const missing = tables.filter(
          (table) => !fakePlan.copies.some((copy) => copy.tables.includes(table) && this.built?.done.has(copy.id)),
        );
        this.rule(missing.length === 0, `${id} before ${missing.join(', ')}`);
        return this.finish(id, id);
      }),
      readBesideProgress: this.wrap('readBesideProgress', nothing, async () => ({
        ...{ copies: [], indexes: [], finished: { tables: 0, rows: 0, bytes: 0 } },
      })),
      setSequences: this.wrap('setSequences', nothing, async ({ snapshot }) => {
        this.rule(this.snapshot === snapshot.id, 'sequences without their snapshot');
        if (this.built) this.built.sequences = true;
        return { sequences: 2 };
      }),
      verifyBeside: this.wrap('verifyBeside', nothing, async ({ plan }) => {
        const missing = allItems.filter(({ id, kind }) => kind !== 'foreignKey' && !this.built?.done.has(id)).map(({ id }) => id);
        const constraints = fakePlan.foreignKeys.filter(({ id }) => this.built?.done.has(id)).length;
        if (missing.length > 0 || !this.built?.sequences || constraints !== plan.foreignKeys)
          throw failure('ReplicaNotVerified', `not done: ${missing.join(', ')}; ${constraints} foreign keys`);
        this.built.verified = true;
        const tables = fakePlan.copies.flatMap((copy) => copy.tables.map((table) => ({ table, sourceRows: 10, targetRows: 10 })));
        return { tables, sequences: 2, indexes: 3, constraints, differences: [] };
      }),
      swapBeside: this.wrap('swapBeside', nothing, async ({ copy: { run } }) => {
        if (this.swapped.has(`swap ${run}`)) return swapReport;
        this.rule(this.built?.verified === true, 'taken into use without a check');
        [this.undoable, this.warehouse, this.built] = [this.warehouse, 'new', null];
        this.swapped.add(`swap ${run}`);
        return swapReport;
      }),
      readSwap: this.wrap('readSwap', nothing, async ({ copy: { run }, act }) => (this.swapped.has(`${act} ${run}`) ? swapReport : null)),
      undoSwap: this.wrap('undoSwap', nothing, async ({ copy: { run } }) => {
        if (this.swapped.has(`undo ${run}`)) return swapReport;
        if (!this.undoable) throw failure('NothingToUndo', 'there is no former copy');
        [this.undoable, this.warehouse] = [null, this.undoable];
        this.swapped.add(`undo ${run}`);
        return swapReport;
      }),
      discardBeside: this.wrap('discardBeside', nothing, async ({ copy: { run } }) => {
        this.built = null;
        this.swapped.delete(`swap ${run}`);
      }),

      inspectIncremental: this.wrap('inspectIncremental', nothing, async ({ copy }) => ({
        ...{ source: factsOf(copy.source), target: factsOf(copy.target), faults: [] },
        tables: copy.tables.map(({ name }) => ({
          ...{ name, state: this.tableStates.get(name) ?? 'ready', differences: [], estimatedRows: 10 },
        })),
      })),
      copyIncremental: this.wrap('copyIncremental', ofTable, async ({ copy, table }) => this.append(table, copy.run)),
      loadIncremental: this.wrap(
        'loadIncremental',
        ofTable,
        async ({ copy, table }) => {
          this.loading = null;
          this.tableStates.set(table, 'ready');
          return { ...this.append(table, copy.run), counts: { source: 1, target: 1 }, indexes: 1, rebound: [] };
        },
        ({ table }) => (this.loading = table),
      ),
      discardIncrementalLoad: this.wrap('discardIncrementalLoad', nothing, async () => {
        this.loading = null;
      }),
      dropIncrementalForeignKeys: this.wrap('dropIncrementalForeignKeys', nothing, async () => ['answers.answers_assessmentid_foreign']),
      recordIncremental: this.wrap('recordIncremental', nothing, async ({ copy }) => copy.tables.map(({ name }) => name)),
      readIncrementalProgress: this.wrap('readIncrementalProgress', nothing, async () => ({ tables: [] })),

      replaceLearningContent: this.wrap('replaceLearningContent', nothing, async () => {
        this.content = 'new';
        return contentReport;
      }),
      readLearningContent: this.wrap('readLearningContent', nothing, async () => (this.content === 'new' ? contentReport : null)),
      replaceOpenData: this.wrap('replaceOpenData', nothing, async () => {
        this.openData = 'new';
        return openDataReport;
      }),
      readOpenData: this.wrap('readOpenData', nothing, async () => (this.openData === 'new' ? openDataReport : null)),
      checkOpenData: this.wrap('checkOpenData', nothing, async () => this.rule(this.openData === 'new', 'open data counted too early')),
      deliverWebhook: this.wrap(
        'deliverWebhook',
        ({ webhook }) => webhook.name,
        async ({ webhook: { name }, idempotencyKey }) => {
          this.told.set(idempotencyKey, name);
          return { webhook: name, status: 200, attempts: 1, elapsedMs: 1 };
        },
      ),

      inspectReplica: this.wrap('inspectReplica', nothing, async () => ({
        ...{
          tables: [
            { name: 'users', bytes: 1e9 },
            { name: 'tags', bytes: 1 },
          ],
          othersOnTarget: 0,
          indexes: 3,
          sequences: 2,
          findings: [],
        },
      })),
      countRows: this.wrap(
        'countRows',
        ({ tables }) => tables.join(','),
        async ({ tables }) => ({ tables: tables.map((table) => ({ table, sourceRows: 1, targetRows: 1 })), findings: [] }),
      ),
      checkFreshness: this.wrap('checkFreshness', nothing, async () => ({ freshness: [], findings: [] })),
      runQueries: this.wrap('runQueries', nothing, async () => ({ answers: [], findings: [] })),

      inspectSchemaCopy: this.wrap('inspectSchemaCopy', nothing, async ({ copy }) => ({
        ...{ source: factsOf(copy.source), target: factsOf(copy.target), faults: [] },
      })),
      copySchema: this.wrap('copySchema', nothing, async () => {
        this.schemaCopy = 'new';
        return copiedSchema;
      }),
      readSchemaCopy: this.wrap('readSchemaCopy', nothing, async () => (this.schemaCopy === 'new' ? copiedSchema : null)),
      compareSchemas: this.wrap('compareSchemas', nothing, async () => ({ tables: 3, extra: [] })),

      checkObjectStore: this.wrap('checkObjectStore', nothing, async () => undefined),
      inspectDump: this.wrap('inspectDump', nothing, async ({ server }) => ({ server: factsOf(server), faults: [] })),
      dumpToObjectStore: this.wrap(
        'dumpToObjectStore',
        nothing,
        async ({ key, run }) => {
          this.parts = 0;
          this.objects.set(key, run);
          return { key, sizeBytes: 1000, sha256: 'a'.repeat(64), crc32: 'AAAAAA==' };
        },
        () => (this.parts += 1),
      ),
      checkStoredDump: this.wrap('checkStoredDump', nothing, async () => ({ by: 'checksum' })),
      discardDump: this.wrap('discardDump', nothing, async ({ key, run }) => {
        this.parts = 0;
        if (this.objects.get(key) === run) this.objects.delete(key);
      }),
      readDumpProgress: this.wrap('readDumpProgress', nothing, async () => null),
    };
  }
}
