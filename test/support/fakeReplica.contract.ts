import type { SchemaCopyActivities } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import type { LearningContentActivities } from '../../activities/lcms/learningContent.contract.ts';
import type { FailureType } from '../../activities/failures.contract.ts';
import type { BesideActivities } from '../../activities/warehouse/beside/beside.contract.ts';
import type { CheckActivities } from '../../activities/warehouse/checks/checks.contract.ts';
import type { DumpActivities } from '../../activities/postgres/dumps/dumps.contract.ts';
import type { IncrementalActivities } from '../../activities/warehouse/incremental/incremental.contract.ts';
import type { InPlaceActivities } from '../../activities/warehouse/inPlace/inPlace.contract.ts';
import type { OpenDataActivities } from '../../activities/openData/openData.contract.ts';
import type { ObjectStoreActivities } from '../../activities/objectStore/objectStore.contract.ts';
import type { WebhookActivities } from '../../activities/webhooks/webhooks.contract.ts';

/** What the fake of a replica implements; requests, clock and runs are real in tests over it. */
export type FakeReplicaActivities = BesideActivities &
  CheckActivities &
  DumpActivities &
  InPlaceActivities &
  IncrementalActivities &
  LearningContentActivities &
  OpenDataActivities &
  SchemaCopyActivities &
  WebhookActivities &
  Pick<ObjectStoreActivities, 'checkObjectStore'>;

/** Which generation of a thing its readers see. */
export type Generation = 'former' | 'new';

/** In place, the warehouse is empty or half full between its emptying and its check. */
export type WarehouseState = Generation | 'halfFull';

/** What people outside see of a replica, and what a run must not leave behind. */
export interface ReplicaState {
  warehouse: WarehouseState;
  /** What pixUndoReplication would put back. */
  undoable: WarehouseState | null;
  content: Generation;
  openData: Generation;
  schemaCopy: Generation;
  /** Rows per incremental table. */
  incremental: Record<string, number>;
  /** Keys in the object store. */
  objects: string[];
  /** Names of webhooks that were told, each once per idempotency key. */
  told: string[];
  /** In words: a held snapshot, what was built or loaded beside, parts of an upload. */
  leftovers: string[];
}

/**
 * What a test does to calls of one activity. `fail`: for good, or as a passing failure of `type`, after it had begun. `timeOut`: the act takes effect and
 * fails all the same, for good. `silence`: it has begun and is heard of no more; the server counts it as dead. `wait`: it takes effect when the
 * test says so. `cancel`: the act begins, meets a cancel of the
 * run and gives up. `cancelLate`: it takes effect, the cancel comes and its answer is lost.
 */
export type ReplicaTrouble =
  | { kind: 'fail'; times: number; type?: FailureType }
  | { kind: 'timeOut'; times: number }
  | { kind: 'silence' | 'wait'; until: Promise<void> }
  | { kind: 'cancel' | 'cancelLate'; cancel: () => Promise<unknown> };

export interface ReplicaCall {
  activity: string;
  /** Activity and the thing it was called for, for example "copyTables copy/users". */
  key: string;
  /** What follows the first run's id in that of the calling run: "" or the chain's link. */
  link: string;
  /** By the server's clock. */
  atMs: number;
  /** Whether it changed what a ReplicaState tells. */
  changes: boolean;
}
