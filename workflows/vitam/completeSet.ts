import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { long, patient, quick } from '../runbook/profiles.ts';
import type { ArchivePart, BackupManifest, ColdBackupReport } from './coldBackup.contract.ts';
import type { Night } from './night.ts';
import { backupHosts } from './preflight.ts';
import { backupDirectory, manifestFile, setDirectory, setNamePattern, setsOf } from './setNames.ts';

const version = '0.2.0';

/** After the services are back: manifest when and only when the set is complete, upload, retention. */
export async function completeSet(night: Night, beganAt: string): Promise<Pick<ColdBackupReport, 'manifest' | 'removedSets'>> {
  const { plan, run, platform } = night;
  const manifest = await run.step(plan.complete.manifest, () => writeManifest(night, beganAt));
  const store = platform.backup.objectStore;
  if (store) {
    await run.step(
      plan.complete.upload,
      async (record) => {
        await inParallel(night.parts, 2, async (part) => {
          part.stored = await upload(night, part);
        });
        await putManifest(night, manifest);
        record.note = `${night.parts.length} parts in bucket ${store.bucket}`;
      },
      () => undefined,
    );
  } else run.notNeeded(plan.complete.upload, 'no object store configured');
  const removedSets = await run.step(
    plan.complete.retention,
    () => retain(night),
    () => [],
  );
  return { manifest, removedSets };
}

async function writeManifest(night: Night, beganAt: string): Promise<ColdBackupReport['manifest']> {
  const { platform, set, run } = night;
  const wanted = setsOf(platform).length + platform.backup.further.length;
  if (night.parts.length !== wanted) throw failure('ArchiveFailed', `the set has ${night.parts.length} of ${wanted} parts`);
  const manifest: BackupManifest = {
    format: 'nightshift-vitam-backup/1',
    set,
    platform: platform.name,
    workflowId: workflowInfo().workflowId,
    runId: workflowInfo().runId,
    beganAt,
    completedAt: new Date().toISOString(),
    downtimeSeconds: run.progress.downtimeSeconds,
    tools: { nightshift: version },
    parts: night.parts,
    content: Object.fromEntries(night.content),
  };
  const holders = holdersOf(night).filter(({ name }) => name !== platform.backup.catalogHost.name);
  // On every host that holds a part what is there, so that it explains itself; the catalog host last: its manifest is the word that the set is good.
  for (const host of [...holders, platform.backup.catalogHost]) {
    const isCatalog = host.name === platform.backup.catalogHost.name;
    const own = isCatalog ? manifest : { ...manifest, parts: night.parts.filter(({ archive }) => archive.host === host.name), content: {} };
    const act = quick(`manifest of ${set} on ${host.name}`);
    await act.ensureDirectory({ host, path: setDirectory(platform, host, set) });
    await act.writeTextFile({ host, path: manifestFile(platform, host, set), text: `${JSON.stringify(own, null, 2)}\n` });
  }
  const file = manifestFile(platform, platform.backup.catalogHost, set);
  const { sha256 } = await quick('sha256 of the manifest').readChecksum({ host: platform.backup.catalogHost, path: file });
  return { host: platform.backup.catalogHost.name, file, sha256 };
}

function holdersOf(night: Night): HostRef[] {
  const names = new Set(night.parts.map(({ archive }) => archive.host));
  return backupHosts(night).filter(({ name }) => names.has(name));
}

async function upload(night: Night, part: ArchivePart): Promise<ArchivePart['stored']> {
  const { platform, set } = night;
  const store = platform.backup.objectStore;
  const host = platform.hosts.find(({ name }) => name === part.archive.host);
  if (!store || !host) throw failure('InvalidDefinition', `no host or store for ${part.name}`);
  const { file, sizeBytes, sha256 } = part.archive;
  return long(`upload ${part.name}, ${sizeBytes} bytes`).putObject({
    store,
    key: `${set}/${part.name}.tar.zst`,
    host,
    file,
    sizeBytes,
    sha256,
  });
}

async function putManifest(night: Night, manifest: ColdBackupReport['manifest']): Promise<void> {
  const { platform, set } = night;
  const store = platform.backup.objectStore;
  if (!store) return;
  const host = platform.backup.catalogHost;
  const { sizeBytes } = await quick('size of the manifest').readChecksum({ host, path: manifest.file });
  await long('upload the manifest, last').putObject({
    store,
    key: `${set}/manifest.json`,
    host,
    file: manifest.file,
    sizeBytes,
    sha256: manifest.sha256,
  });
}

/**
 * Keeps the newest `keepSets` good sets; a set is good when the catalog host has its manifest. This run's set is one of them, so the last good set
 * is never removed. Void sets (no manifest) go too. Only folders of the exact name form are ever touched.
 */
async function retain(night: Night): Promise<string[]> {
  const { platform, set } = night;
  const catalog = platform.backup.catalogHost;
  const sets = await setsOn(night, catalog);
  const good: string[] = [];
  for (const each of sets) {
    const text = await quick(`manifest of ${each}`).readFileState({ host: catalog, path: manifestFile(platform, catalog, each) });
    if (text) good.push(each);
  }
  if (!good.includes(set)) throw failure('ChecksumMismatch', `the manifest of ${set} is not on ${catalog.name}`);
  const keep = new Set([...good.sort().reverse().slice(0, Math.max(1, platform.backup.keepSets)), set]);
  const removed = new Set<string>();
  for (const host of backupHosts(night)) {
    const gone = (await setsOn(night, host)).filter((each) => !keep.has(each));
    if (gone.length === 0) continue;
    for (const each of gone) removed.add(each);
    const below = backupDirectory(platform, host);
    await patient(`remove ${gone.length} old sets on ${host.name}`, 3600).removePaths({
      host,
      below,
      paths: gone.map((each) => `${below}/${each}`),
    });
  }
  const store = platform.backup.objectStore;
  if (store && removed.size > 0)
    for (const each of removed) {
      const objects = await quick(`objects of ${each}`).listObjects({ store, prefix: `${each}/` });
      if (objects.length > 0)
        await quick(`remove ${objects.length} objects of ${each}`).deleteObjects({ store, keys: objects.map(({ key }) => key) });
    }
  return [...removed].sort();
}

async function setsOn({ platform }: Night, host: HostRef): Promise<string[]> {
  const names = await quick(`sets on ${host.name}`).listDirectory({ host, path: backupDirectory(platform, host) });
  return names.filter((name) => setNamePattern.test(name));
}

/** A set without all its parts is no set (vitam 28): its folders go, after the services are back. What cannot be removed is a warning. */
export async function removeVoidSet(night: Night): Promise<void> {
  const { platform, set, run } = night;
  const hosts = [...new Map(night.jobs.map(({ host }) => [host.name, host])).values()];
  for (const host of hosts) {
    try {
      await patient(`remove the void set on ${host.name}`, 1800).removePaths({
        host,
        below: backupDirectory(platform, host),
        paths: [setDirectory(platform, host, set)],
      });
    } catch (error) {
      if (isCancellation(error)) throw error;
      run.warn(`void set ${set} is still on ${host.name}: ${describeFailure(error).message}`);
    }
  }
}
