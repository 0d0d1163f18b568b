import type { ClockActivities } from './clock/clock.contract.ts';
import type { FileActivities } from './files/files.contract.ts';
import type { HostActivities } from './hosts/hosts.contract.ts';
import type { HttpActivities } from './http/http.contract.ts';
import type { JobActivities } from './jobs/jobs.contract.ts';
import type { LearningContentActivities } from './lcms/learningContent.contract.ts';
import type { LoadGuardActivities } from './loadGuard/loadGuard.contract.ts';
import type { MongoActivities } from './mongo/mongo.contract.ts';
import type { ObjectStoreActivities } from './objectStore/objectStore.contract.ts';
import type { OpenDataActivities } from './openData/openData.contract.ts';
import type { DumpActivities } from './postgres/dumps/dumps.contract.ts';
import type { RequestActivities } from './requests/requests.contract.ts';
import type { RunActivities } from './runs/runs.contract.ts';
import type { ServiceActivities } from './services/services.contract.ts';
import type { BesideActivities } from './warehouse/beside/beside.contract.ts';
import type { CheckActivities } from './warehouse/checks/checks.contract.ts';
import type { InPlaceActivities } from './warehouse/inPlace/inPlace.contract.ts';
import type { IncrementalActivities } from './warehouse/incremental/incremental.contract.ts';
import type { SchemaCopyActivities } from './warehouse/schemaCopy/schemaCopy.contract.ts';
import type { WebhookActivities } from './webhooks/webhooks.contract.ts';

/** Everything that a worker on the operations queue offers: one flat space of names, the types on the wire. */
export type Activities = ClockActivities &
  FileActivities &
  HostActivities &
  HttpActivities &
  JobActivities &
  LearningContentActivities &
  LoadGuardActivities &
  MongoActivities &
  ObjectStoreActivities &
  OpenDataActivities &
  DumpActivities &
  RequestActivities &
  RunActivities &
  ServiceActivities &
  BesideActivities &
  CheckActivities &
  InPlaceActivities &
  IncrementalActivities &
  SchemaCopyActivities &
  WebhookActivities;
