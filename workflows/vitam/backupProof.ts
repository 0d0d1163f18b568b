import { CancellationScope, defineQuery, setCurrentDetails, setHandler, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import { messages } from '../names.contract.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { describeFailure, readableFailure } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { long, patient, quick } from '../runbook/profiles.ts';
import { readInput } from '../runbook/readInput.ts';
import type { BackupProofInput, BackupProofReport, BackupProofRequest, PartProof } from './backupProof.contract.ts';
import type { ArchivePart, BackupManifest } from './coldBackup.contract.ts';
import { partName, backupDirectory, manifestFile, setNamePattern } from './setNames.ts';
import { setKey, setsOf } from './night.ts';
import type { VitamPlatform } from './platform.contract.ts';

/**
 * Proves a backup set by restoring it elsewhere: every archive is unpacked into the proof directory of the host that holds it, a mongod of its own
 * is started on it, and counts and digests of every collection are compared with what was recorded when nothing wrote any more.
 *
 * Runbook   vitam 30 and 38 in deploy/systems/vitam.md.
 * Downtime  none: the platform is not touched; the hosts' disks and processors are.
 * Needs     free space in the proof directory for the unpacked data; mongod on the host.
 * On error  fails with ChecksumMismatch or RestoreNotVerified, naming part and collection; the proof directories are removed.
 * To stop   cancel.
 */
export async function vitamBackupProof(input: BackupProofInput): Promise<BackupProofReport> {
  const beganMs = Date.now();
  const request = await readInput<BackupProofRequest>('vitamBackupProof', input);
  const { platform } = request;
  const state: Record<string, string> = {};
  setHandler(defineQuery(messages.progress), () => ({ procedure: 'vitamBackupProof', target: platform.name, parts: state }), {
    description: 'State of each part',
  });
  try {
    const manifest = await readManifest(platform, request.set);
    for (const { name } of manifest.parts) state[name] = 'waiting';
    // Parts on one host follow each other: they share its disk and its proof port.
    const byHost = [...Map.groupBy(manifest.parts, ({ archive }) => archive.host).values()];
    const proofs = await inParallel(byHost, 2, async (parts) => {
      const done: PartProof[] = [];
      for (const part of parts) {
        state[part.name] = 'unpacking';
        setCurrentDetails(
          Object.entries(state)
            .map(([name, at]) => `- ${at === 'proven' ? '[x]' : '[ ]'} ${name}: ${at}`)
            .join('\n'),
        );
        done.push(await provePart(platform, manifest, part));
        state[part.name] = 'proven';
      }
      return done;
    });
    const parts = proofs.flat();
    const different = parts.filter(({ differences }) => differences.length > 0);
    if (different.length > 0)
      throw failure('RestoreNotVerified', differencesInWords(different), { parts: different.map(({ part }) => part) });
    return {
      platform: platform.name,
      set: manifest.set,
      proven: true,
      parts,
      collections: parts.reduce((sum, { collections }) => sum + collections, 0),
      documents: parts.reduce((sum, { documents }) => sum + documents, 0),
      elapsedSeconds: secondsSince(beganMs),
    };
  } catch (error) {
    if (describeFailure(error).type === 'Cancelled') throw error;
    throw readableFailure(error);
  }
}

async function readManifest(platform: VitamPlatform, wanted: string | null): Promise<BackupManifest> {
  const host = platform.backup.catalogHost;
  const sets = (await quick('sets on the catalog host').listDirectory({ host, path: backupDirectory(platform, host) }))
    .filter((name) => setNamePattern.test(name))
    .sort()
    .reverse();
  for (const set of wanted ? [wanted] : sets) {
    const text = await quick(`manifest of ${set}`).readTextFile({ host, path: manifestFile(platform, host, set) });
    if (text !== null) return JSON.parse(text) as BackupManifest;
  }
  throw failure(
    'InvalidInput',
    wanted
      ? `set: "${wanted}" has no manifest on ${host.name}; sets: ${sets.slice(0, 10).join(', ') || 'none'}`
      : `no good set on ${host.name}`,
  );
}

async function provePart(platform: VitamPlatform, manifest: BackupManifest, part: ArchivePart): Promise<PartProof> {
  const beganMs = Date.now();
  const { proof } = platform.backup;
  const host = platform.hosts.find(({ name }) => name === part.archive.host);
  if (!proof || !host)
    throw failure(
      'InvalidPlatform',
      proof ? `host ${part.archive.host} is not in the platform any more` : 'backup.proof: say where to unpack and which mongod to use',
    );
  const root = proof.directory.replaceAll('{host}', host.name);
  const directory = `${root}/${manifest.set}-${workflowInfo().runId.slice(-6)}-${part.name.replaceAll('/', '-')}`;
  const base = { part: part.name, host: host.name, sizeBytes: part.archive.sizeBytes, sha256: part.archive.sha256 };
  try {
    const unpacked = await long(`unpack ${part.name} on ${host.name}`).unpackArchive({ host, archive: part.archive, directory });
    const checked = await checkContent(platform, manifest, part, host, directory);
    return { ...base, ...checked, files: unpacked.files, elapsedSeconds: secondsSince(beganMs) };
  } finally {
    await CancellationScope.nonCancellable(() =>
      patient(`remove ${directory} on ${host.name}`, 600).removePaths({ host, below: root, paths: [directory] }),
    );
  }
}

/** A part of a replica set is read back by a mongod; any other part is proven by its checksum and its files alone. */
async function checkContent(
  platform: VitamPlatform,
  manifest: BackupManifest,
  part: ArchivePart,
  host: HostRef,
  dataDirectory: string,
): Promise<Pick<PartProof, 'collections' | 'documents' | 'differences'>> {
  const owner = setsOf(platform).find(({ cluster, set }) => `${cluster.name}/${partName(cluster, set)}` === part.name);
  const expected = owner && manifest.content[setKey(owner.cluster, owner.set)];
  const { proof } = platform.backup;
  if (!owner || !expected || !proof) return { collections: 0, documents: 0, differences: [] };
  return long(`read ${part.name} back on ${host.name}`).checkRestoredData({
    host,
    dataDirectory,
    mongod: proof.mongod,
    port: proof.port,
    expected,
  });
}

function differencesInWords(parts: PartProof[]): string {
  const rows = parts.flatMap(({ part, differences }) =>
    differences.map(
      ({ database, collection, expected, found }) =>
        `${part} ${database}.${collection}: expected ${expected?.count ?? 'none'} documents (${expected?.digest.slice(0, 8) ?? '-'}), found ${found?.count ?? 'none'} (${found?.digest.slice(0, 8) ?? '-'})`,
    ),
  );
  return `${rows.length} collections differ: ${rows.slice(0, 20).join('; ')}`;
}
