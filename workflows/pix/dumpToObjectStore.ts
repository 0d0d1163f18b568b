import { CancellationScope, workflowInfo } from '@temporalio/workflow';

import type { DumpInspection, StoredDump } from '../../activities/postgres/dumps/dumps.contract.ts';
import { failure } from '../../activities/failure.ts';
import type { ObjectStore } from '../../activities/objectStore/objectStore.contract.ts';
import type { PostgresRef } from '../../activities/postgres/postgres.contract.ts';
import { lookingOn } from '../runbook/alongside.ts';
import { describeFailure } from '../runbook/failures.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patient, patientFor, probe, quick } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { PlanReport, StepRecord } from '../runbook/runbook.contract.ts';
import type { DumpToObjectStoreFacts, DumpToObjectStoreReport } from './dumpToObjectStore.contract.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import { ofReplica } from './ofReplica.ts';

type Request = PixRequest<'pixDumpToObjectStore', 'objectStore'>;

const readAgainLimitSeconds = 24 * 3600;

const plan = {
  check: step('1. Check', 'check', 'look at the warehouse, the tools and the object store'),
  dump: step('2. Dump', 'dump', 'stream a dump of the warehouse into the object store', {
    commands: ['pg_dump --format=custom | multipart upload; pg_restore reads it on its way'],
    unwind: 'neither object nor parts stay in the store',
  }),
  verify: step('3. Verify', 'verify', 'ask the object store for size and checksum'),
};

export const dumpToObjectStore: Procedure<Request, typeof plan> = {
  ...ofReplica,
  type: 'pixDumpToObjectStore',
  plan: () => plan,
  look: async (request) => {
    const { server, faults } = await inspect(placeOf(request));
    return { faults, warnings: [], facts: { server, bucket: request.replica.objectStore.bucket } };
  },
  cancelled: 'nothing of the dump stays in the store',
};

/** One dump in the store. */
interface Place {
  server: PostgresRef;
  store: ObjectStore;
  key: string;
}

/**
 * Dumps the whole warehouse into the object store, as `<prefix>-YYYYMMDD-HHmmss`: the moment at which the run began, in UTC.
 *
 * Runbook   pix 40 in deploy/systems/pix.md.
 * Downtime  none; the dump holds one snapshot of the warehouse while it lasts.
 * Needs     objectStore in the replica file; pg_dump and pg_restore on the worker; no disk.
 * On error  nothing stays in the store: neither object nor parts.
 * To stop   cancel.
 */
export async function pixDumpToObjectStore(input: PixInput<'pixDumpToObjectStore'>): Promise<DumpToObjectStoreReport | PlanReport> {
  return procedure(dumpToObjectStore, input, async ({ request, run }): Promise<DumpToObjectStoreFacts> => {
    const place = placeOf(request);
    const { store, key } = place;
    const databaseBytes = await run.step(plan.check, async (record) => {
      const seen = await inspect(place);
      if (seen.faults.length > 0) throw failure('PreflightFailed', seen.faults.join(' | '), { faults: seen.faults });
      record.note = `${(seen.server.sizeBytes / 1e6).toFixed(0)} MB with indexes, as ${key} into ${store.bucket}`;
      return seen.server.sizeBytes;
    });
    try {
      const sent = await run.step(plan.dump, (record) => send(request, place, databaseBytes, record));
      const { by } = await run.step(plan.verify, async (record) => {
        const checked = await patient(`verify ${key}`, readAgainLimitSeconds).checkStoredDump({ store, dump: sent });
        record.note = checked.by === 'checksum' ? `the store's CRC-32 is ${sent.crc32}` : `read again: sha256 ${sent.sha256}`;
        return checked;
      });
      return { bucket: store.bucket, ...sent, verifiedBy: by };
    } catch (error) {
      await CancellationScope.nonCancellable(() => discard(place, run));
      throw error;
    }
  });
}

function placeOf({ replica: { target, objectStore } }: Request): Place {
  const key = `${objectStore.prefix}-${stampOf(workflowInfo().startTime.toISOString())}`;
  // The prefix is the begin of the name here, not a folder.
  return { server: target, store: { ...objectStore, prefix: '' }, key };
}

/** "20261121-053000" of an ISO time in UTC. */
function stampOf(iso: string): string {
  return iso.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

async function inspect(place: Place): Promise<DumpInspection> {
  await quick(`reach bucket ${place.store.bucket}`).checkObjectStore({ store: place.store });
  return patient('look at the warehouse', 300).inspectDump(place);
}

/** Asks the store how far it is while the dump goes on. */
async function send({ replica }: Request, place: Place, databaseBytes: number, record: StepRecord): Promise<StoredDump> {
  const look = async (): Promise<void> => {
    const seen = await probe('progress of the upload').readDumpProgress(place);
    if (seen && record.state === 'running') record.note = `${(seen.storedBytes / 1e6).toFixed(0)} MB in the store`;
  };
  const done = await lookingOn('the upload', look, () =>
    patientFor(`dump ${replica.name} into ${place.key}`, replica.retries).dumpToObjectStore({
      ...place,
      run: workflowInfo().runId,
      databaseBytes,
    }),
  );
  record.note = `${(done.sizeBytes / 1e6).toFixed(1)} MB, sha256 ${done.sha256}`;
  return done;
}

async function discard({ store, key }: Place, run: Run): Promise<void> {
  try {
    await quick(`clear ${key}`).discardDump({ store, key, run: workflowInfo().runId });
  } catch (error) {
    run.warn(`parts or the object of ${key} may be left in ${store.bucket}: ${describeFailure(error).message}`);
  }
}
