import { rename, rm } from 'node:fs/promises';

import { failure } from '../../failure.ts';
import { redact } from '../../tools/redact.ts';
import { applicationOf } from '../sessionNames.ts';
import { toolOnSource } from '../../postgres/standby.ts';
import type { DumpFile, InPlaceCopy, ProvenDump } from './inPlace.contract.ts';
import { endKept, runKept, type KeptTool, type KeptToolContext } from './keptTool.ts';
import { readArchive } from './readArchive.ts';
import { toolFailure } from './restoreErrors.ts';
import { notForCopies, schemaWithout, sequencesOfKept } from '../dumpOptions.ts';
import { readSourceFacts } from './sourceFacts.ts';
import {
  ensureDirectory,
  otherRuns,
  readJson,
  removeRun,
  sizeOf,
  workFilesOf,
  writeJson,
  type DumpMarker,
  type SourceFacts,
} from './workFiles.ts';

export interface InPlaceContext extends KeptToolContext {
  workDirectory: string;
}

/** The dump under a partial name until pg_dump ended well: what has the final name is whole. */
export async function dumpSourceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  { idleSeconds, signal, onBytes }: { idleSeconds: number; signal: AbortSignal; onBytes: (bytes: number) => void },
): Promise<DumpFile> {
  const files = workFilesOf(context.workDirectory, copy);
  const done = await sizeOf(files.dump);
  if (done !== null) return { path: files.dump, sizeBytes: done };
  await ensureDirectory(files);
  const partial = `${files.dump}.partial`;
  const watch = setInterval(
    () =>
      void sizeOf(partial).then(
        (bytes) => onBytes(bytes ?? 0),
        () => undefined,
      ),
    1_000,
  );
  try {
    await toolOnSource(context.connections, { source: copy.source, application: applicationOf(copy, 'dump'), signal }, () =>
      dumpInto(context, copy, partial, { idleSeconds, signal }),
    );
  } finally {
    clearInterval(watch);
  }
  await rename(partial, files.dump);
  return { path: files.dump, sizeBytes: (await sizeOf(files.dump)) ?? 0 };
}

/** Waits for a pg_dump under way, or begins one; one that was lost without a word twice more. */
async function dumpInto(
  context: InPlaceContext,
  copy: InPlaceCopy,
  partial: string,
  { idleSeconds, signal }: { idleSeconds: number; signal: AbortSignal },
): Promise<void> {
  const files = workFilesOf(context.workDirectory, copy);
  for (let lost = 0; ; lost += 1) {
    const application = applicationOf(copy, 'facts');
    const sequences = await context.connections.session(copy.source, { application }, (client) => sequencesOfKept(client, copy));
    const kept: KeptTool = {
      name: 'dump',
      directory: files.directory,
      tool: 'pg_dump',
      server: copy.source,
      application: applicationOf(copy, 'dump'),
      idleSeconds,
      args: [
        '--format=custom',
        '--verbose',
        ...notForCopies,
        ...schemaWithout(copy.schema, [...copy.kept, ...sequences]),
        `--file=${partial}`,
      ],
    };
    if ((await sizeOf(partial)) === null) await writeJson(files.facts, await readSourceFacts(context.connections, copy, signal));
    const ended = await runKept(context, kept, signal);
    if (ended?.exitCode === 0) return;
    await endKept(context, kept);
    await rm(partial, { force: true });
    if (ended) throw toolFailure('pg_dump', ended);
    if (lost >= 2) throw failure('CommandFailed', 'pg_dump died three times without a message: check the memory of the worker');
  }
}

/** Reads the whole archive, as a restore would, and writes the marker. From then on dumps of the replica's earlier runs are of no use. */
export async function proveDumpOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  { signal, onRows }: { signal: AbortSignal; onRows: (rows: number) => void },
): Promise<ProvenDump> {
  const files = workFilesOf(context.workDirectory, copy);
  const facts = await readJson<SourceFacts>(files.facts);
  const sizeBytes = await sizeOf(files.dump);
  if (!facts || sizeBytes === null) throw noDump(files.dump, copy);
  const { sha256, content } = await readArchive(context.tools, files.dump, copy, { signal, onRows });
  const proven: ProvenDump = {
    path: files.dump,
    sizeBytes,
    sha256,
    begunAt: facts.begunAt,
    tables: Object.keys(content.rows).length,
    rows: Object.values(content.rows).reduce((sum, rows) => sum + rows, 0),
  };
  await writeJson(files.marker, { ...proven, replica: copy.replica, run: copy.run, content } satisfies DumpMarker);
  for (const run of await otherRuns(context.workDirectory, copy)) await removeRun(context.workDirectory, { replica: copy.replica, run });
  return proven;
}

export interface OpenDump {
  marker: DumpMarker;
  facts: SourceFacts;
}

/** The run's marker and facts when its dump lies here with the recorded size; null else. The checksum is compared by `findDump`. */
export async function openDump(context: InPlaceContext, copy: InPlaceCopy): Promise<OpenDump | null> {
  const files = workFilesOf(context.workDirectory, copy);
  const [marker, facts, size] = [
    await readJson<DumpMarker>(files.marker),
    await readJson<SourceFacts>(files.facts),
    await sizeOf(files.dump),
  ];
  if (!marker || !facts || size !== marker.sizeBytes || marker.run !== copy.run || marker.replica !== copy.replica) return null;
  return { marker, facts };
}

/** The same, where nothing can be done without it: fails with ArchiveFailed. */
export async function needDump(context: InPlaceContext, copy: InPlaceCopy): Promise<OpenDump> {
  const dump = await openDump(context, copy);
  if (!dump) throw noDump(workFilesOf(context.workDirectory, copy).dump, copy);
  return dump;
}

function noDump(path: string, { run }: InPlaceCopy): Error {
  return failure('ArchiveFailed', `the dump of run ${run} is not on this worker, or has changed (${redact(path)})`);
}
