import { workflowInfo } from '@temporalio/workflow';

import type { StoredDump } from '../../activities/postgres/dumps/dumps.contract.ts';
import { failure } from '../../activities/failure.ts';
import type { ObjectStore } from '../../activities/objectStore/objectStore.contract.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { describeFailure } from '../runbook/failures.ts';
import { patient, patientFor, probe, quick } from '../runbook/profiles.ts';
import type { PlannedStep, StepRecord } from '../runbook/runbook.contract.ts';
import { watchWhile } from '../runbook/watchWhile.ts';
import { withRestore } from '../runbook/withRestore.ts';
import type { DumpToObjectStoreInput, DumpToObjectStoreReport, DumpToObjectStoreRequest } from './dumpToObjectStore.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

const readAgainLimitSeconds = 24 * 3600;

const step = (id: string, phase: string, title: string, commands: string[] = []): PlannedStep => ({
  ...{ id, phase, title, commands, skippable: false },
});
const check = step('check', '1. Check', 'look at the warehouse, the tools and the object store');
const dump = step('dump', '2. Dump', 'stream a dump of the warehouse into the object store', [
  'pg_dump --format=custom | multipart upload; pg_restore reads it on its way',
]);
const verify = step('verify', '3. Verify', 'ask the object store for size and checksum');

/**
 * Dumps the whole warehouse into the object store, as `<prefix>-YYYYMMDD-HHmmss`: the moment at which the run began, in UTC.
 *
 * Runbook   pix 40 in deploy/systems/pix.md.
 * Downtime  none; the dump holds one snapshot of the warehouse while it lasts.
 * Needs     objectStore in the replica file; pg_dump and pg_restore on the worker; no disk.
 * On error  nothing stays in the store: neither object nor parts.
 * To stop   cancel.
 */
export async function pixDumpToObjectStore(input: DumpToObjectStoreInput): Promise<DumpToObjectStoreReport> {
  return runPixProcedure<DumpToObjectStoreRequest, DumpToObjectStoreReport>(
    'pixDumpToObjectStore',
    input,
    [check, dump, verify],
    async ({ replica }, runbook, beganMs) => {
      const { name, target: server, objectStore, retries } = replica;
      if (!objectStore) throw failure('InvalidInput', `replica ${name} has no field objectStore: say where the dump goes`);
      const { runId: run } = workflowInfo();
      const beganAt = new Date(beganMs).toISOString();
      const key = `${objectStore.prefix}-${stampOf(beganAt)}`;
      // The prefix is the begin of the name here, not a folder.
      const store = { ...objectStore, prefix: '' };
      const databaseBytes = await runbook.step(check, async (record) => {
        await quick(`reach bucket ${store.bucket}`).checkObjectStore({ store });
        const seen = await patient('look at the warehouse', 300).inspectDump({ server, store, key });
        if (seen.faults.length > 0) throw failure('PreflightFailed', seen.faults.join(' | '), { faults: seen.faults });
        record.note = `${(seen.server.sizeBytes / 1e6).toFixed(0)} MB with indexes, as ${key} into ${store.bucket}`;
        return seen.server.sizeBytes;
      });
      const stored = await withRestore({
        async work() {
          const sent = await runbook.step(dump, (record) =>
            watched({ store, key, runbook, record }, () =>
              patientFor(`dump ${name} into ${key}`, retries).dumpToObjectStore({ server, store, key, run, databaseBytes }),
            ),
          );
          const { by } = await runbook.step(verify, async (record) => {
            const checked = await patient(`verify ${key}`, readAgainLimitSeconds).checkStoredDump({ store, dump: sent });
            record.note = checked.by === 'checksum' ? `the store's CRC-32 is ${sent.crc32}` : `read again: sha256 ${sent.sha256}`;
            return checked;
          });
          return { ...sent, verifiedBy: by };
        },
        restore: async (failed) => {
          if (failed) await discard({ store, key, run }, runbook);
        },
      });
      return {
        replica: name,
        bucket: store.bucket,
        ...stored,
        ...{ beganAt, seconds: secondsSince(beganMs) },
        ...{ steps: runbook.progress.steps, warnings: runbook.progress.warnings },
      };
    },
  );
}

/** "20261121-053000" of an ISO time in UTC. */
export function stampOf(iso: string): string {
  return iso.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

async function discard({ store, key, run }: { store: ObjectStore; key: string; run: string }, runbook: Runbook): Promise<void> {
  try {
    await quick(`clear ${key}`).discardDump({ store, key, run });
  } catch (error) {
    runbook.warn(`parts or the object of ${key} may be left in ${store.bucket}: ${describeFailure(error).message}`);
  }
}

/** Asks the store how far it is while the dump goes on. */
async function watched(
  { store, key, runbook, record }: { store: ObjectStore; key: string; runbook: Runbook; record: StepRecord },
  work: () => Promise<StoredDump>,
): Promise<StoredDump> {
  const look = async (): Promise<void> => {
    const seen = await probe('progress of the upload').readDumpProgress({ store, key });
    if (!seen || record.state !== 'running') return;
    record.note = `${(seen.storedBytes / 1e6).toFixed(0)} MB in the store`;
    runbook.show();
  };
  const done = await watchWhile('the upload', look, work);
  record.note = `${(done.sizeBytes / 1e6).toFixed(1)} MB, sha256 ${done.sha256}`;
  return done;
}
