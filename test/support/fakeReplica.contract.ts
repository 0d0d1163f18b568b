import type { SchemaCopyActivities } from '../../activities/warehouse/schemaCopy/schemaCopy.contract.ts';
import type { LearningContentActivities } from '../../activities/lcms/learningContent.contract.ts';
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
