import { failure } from '../../activities/failure.ts';
import type { InPlaceActivities, ProvenDump, RestoredPart } from '../../activities/warehouse/inPlace/inPlace.contract.ts';
import type { WarehouseState } from './fakeReplica.contract.ts';
import { factsOf, FakeReplicaCalls } from './fakeReplicaCalls.ts';

const proven: ProvenDump = {
  ...{ path: 'a path on the worker', sizeBytes: 1000, sha256: 'd'.repeat(64), begunAt: '2026-01-01T00:00:00.000Z', tables: 3, rows: 30 },
};
const part: RestoredPart = { items: 3, stood: 0, warnings: [] };

/** The part of a fake replica that is emptied and filled again: its dump on the worker, and the mark that the emptying leaves on the target. */
export abstract class FakeInPlace extends FakeReplicaCalls {
  protected warehouse: WarehouseState = 'former';
  /** Name of the run that the dump is of. */
  private dump: string | null = null;
  private dumpIsProven = false;
  private emptiedBy: string | null = null;
  private readonly played = new Set<string>();

  /** What lies on the worker. */
  protected filesOfWorker(): string[] {
    return this.dump === null ? [] : ['a dump on the worker'];
  }

  private play(name: string, after: string): RestoredPart {
    this.rule(this.warehouse === 'halfFull' && this.played.has(after), `${name} before ${after}`);
    this.played.add(name);
    return part;
  }

  protected inPlaceActivities(): InPlaceActivities {
    const nothing = (): string => '';
    return {
      inspectInPlace: this.wrap('inspectInPlace', nothing, async ({ copy }) => ({
        ...{ source: factsOf(copy.source), target: factsOf(copy.target), faults: [], warnings: [] },
        tables: [{ name: 'users', estimatedRows: 10, bytes: 100 }],
        keptDumps: this.dump === null ? [] : [`of run ${this.dump}`],
      })),
      dumpSource: this.wrap(
        'dumpSource',
        nothing,
        async ({ copy }) => {
          this.dump = copy.run;
          return proven;
        },
        ({ copy }) => (this.dump = copy.run),
      ),
      proveDump: this.wrap('proveDump', nothing, async () => {
        this.rule(this.dump !== null, 'proven without a dump');
        this.dumpIsProven = true;
        return proven;
      }),
      findDump: this.wrap('findDump', nothing, async ({ copy }) => (this.dumpIsProven && this.dump === copy.run ? proven : null)),
      emptyTarget: this.wrap('emptyTarget', nothing, async ({ copy }) => {
        this.rule(this.dumpIsProven && this.dump === copy.run, 'emptied without a proven dump');
        this.warehouse = 'halfFull';
        this.emptiedBy = copy.run;
        this.played.clear();
        this.played.add('empty');
        return { dropped: 3, views: [], cut: [] };
      }),
      defineInPlace: this.wrap('defineInPlace', nothing, async () => this.play('define', 'empty')),
      restoreInPlace: this.wrap('restoreInPlace', nothing, async () => this.play('restore', 'define')),
      finishInPlace: this.wrap('finishInPlace', nothing, async () => {
        this.play('finish', 'restore');
        return { made: [], warnings: [] };
      }),
      verifyInPlace: this.wrap('verifyInPlace', nothing, async () => {
        if (!this.played.has('finish')) throw failure('ReplicaNotVerified', 'the target is not whole');
        this.warehouse = 'new';
        return { tables: [{ table: 'users', sourceRows: 10, targetRows: 10 }], sequences: 2, indexes: 3, constraints: 1, differences: [] };
      }),
      readInPlaceProgress: this.wrap('readInPlaceProgress', nothing, async () => null),
      discardInPlace: this.wrap('discardInPlace', nothing, async ({ copy, outcome }) => {
        if (outcome === 'notReplaced' && this.emptiedBy === copy.run)
          return { halfFull: true, dump: this.dump === null ? null : proven.path };
        this.dump = null;
        this.dumpIsProven = false;
        if (outcome === 'replaced') this.emptiedBy = null;
        return { halfFull: false, dump: null };
      }),
    };
  }
}
