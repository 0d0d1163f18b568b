import { CancellationScope, workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import { secondsSince } from '../runbook/elapsed.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { long, patient, quick } from '../runbook/profiles.ts';
import type { PlannedStep, PlanReport } from '../runbook/runbook.contract.ts';
import type { BackupProofFacts, BackupProofReport, PartProof } from './backupProof.contract.ts';
import type { ArchivePart, BackupManifest } from './coldBackup.contract.ts';
import type { VitamInput, VitamRequest } from './inputs.schema.ts';
import { setKey } from './night.ts';
import type { VitamPlatform } from './platform.contract.ts';
import { partName, backupDirectory, manifestFile, setNamePattern, setsOf } from './setNames.ts';

type Request = VitamRequest<'vitamBackupProof'>;

function planProof(platform: VitamPlatform) {
  return {
    manifest: step('1. Manifest', 'manifest', 'read the manifest of the set', { host: platform.backup.catalogHost.name }),
    parts: [
      ...setsOf(platform).map(({ cluster, set }) => `${cluster.name}/${partName(cluster, set)}`),
      ...platform.backup.further.map(({ name }) => `further/${name}`),
    ].map(partStep),
  };
}

function partStep(part: string): PlannedStep {
  return step('2. Parts', `prove/${part}`, `unpack ${part} and read it back`, {
    commands: ['zstd --decompress | tar --extract (into the proof directory)', 'mongod --dbpath … (on the proof port), counts and digests'],
    unwind: 'the proof directory is removed',
  });
}

export const backupProof: Procedure<Request, ReturnType<typeof planProof>> = {
  type: 'vitamBackupProof',
  system: 'vitam',
  plan: ({ platform }) => planProof(platform),
  // Beside a run that changes the platform, but not beside another proof: they share directories and port.
  holds: ({ things }) => things.map((thing) => `proof/${thing}`),
  policy: ({ platform }) => ({ ...platform.policy, onStepFailure: 'unwind' }),
  cancelled: 'the proof directories are removed',
};

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
export async function vitamBackupProof(input: VitamInput<'vitamBackupProof'>): Promise<BackupProofReport | PlanReport> {
  return procedure(backupProof, input, async ({ request: { platform, set }, plan, run }): Promise<BackupProofFacts> => {
    const manifest = await run.step(plan.manifest, async (record) => {
      const found = await readManifest(platform, set);
      record.note = `set ${found.set}, ${found.parts.length} parts`;
      return found;
    });
    run.addSteps(manifest.parts.map(({ name }) => partStep(name)));
    // Parts on one host follow each other: they share its disk and its proof port.
    const byHost = [...Map.groupBy(manifest.parts, ({ archive }) => archive.host).values()];
    const proofs = await inParallel(byHost, 2, async (own) => {
      const done: PartProof[] = [];
      for (const part of own)
        done.push(
          await run.step(partStep(part.name), async (record) => {
            const proof = await provePart(platform, manifest, part);
            record.note = `${proof.files} files, ${proof.collections} collections, ${proof.documents} documents, ${proof.differences.length} differences`;
            return proof;
          }),
        );
      return done;
    });
    const parts = proofs.flat();
    const different = parts.filter(({ differences }) => differences.length > 0);
    if (different.length > 0)
      throw failure('RestoreNotVerified', differencesInWords(different), { parts: different.map(({ part }) => part) });
    return {
      set: manifest.set,
      proven: true,
      parts,
      collections: parts.reduce((sum, { collections }) => sum + collections, 0),
      documents: parts.reduce((sum, { documents }) => sum + documents, 0),
    };
  });
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
      'InvalidDefinition',
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
