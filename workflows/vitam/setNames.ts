import type { ReplicaSet, MongoCluster } from '../../activities/mongo/mongo.contract.ts';
import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { VitamPlatform } from './platform.contract.ts';

/** Name of a backup set: when the run began and which run it was. No colons: tar reads them as host names. */
export function setName(beganAt: Date, runId: string): string {
  const compact = beganAt.toISOString().slice(0, 19).replace(/[-:]/g, '');
  return `${compact}Z-${runId.replace(/[^0-9a-f]/g, '').slice(-8)}`;
}

/** The form of a set's folder name: nothing else is ever taken for a set. */
export const setNamePattern = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/;

export interface SetOfCluster {
  cluster: MongoCluster;
  set: ReplicaSet;
}

/** Every replica set of the platform: of each cluster the shards, then the config servers. */
export function setsOf(platform: VitamPlatform): SetOfCluster[] {
  return platform.clusters.flatMap((cluster) => [...cluster.shards, cluster.config].map((set) => ({ cluster, set })));
}

/** Name of a copy: `configsrv`, `shard0`, `shard1`, … (vitam 29). */
export function partName(cluster: MongoCluster, set: ReplicaSet): string {
  return set.role === 'config' ? 'configsrv' : `shard${cluster.shards.indexOf(set)}`;
}

export function backupDirectory(platform: VitamPlatform, host: HostRef): string {
  return platform.backup.directories[host.name] ?? '';
}

export function setDirectory(platform: VitamPlatform, host: HostRef, set: string): string {
  return `${backupDirectory(platform, host)}/${set}`;
}

export function archiveFile(platform: VitamPlatform, host: HostRef, set: string, part: string): string {
  return `${setDirectory(platform, host, set)}/${part}.tar.zst`;
}

/** Jobs of a platform begin alike, so leftovers are found; one job per part and set. */
export function jobPrefix(platform: VitamPlatform): string {
  return `nightshift-${platform.name}-`;
}

export function jobName(platform: VitamPlatform, set: string, part: string): string {
  return `${jobPrefix(platform)}${set}-${part.replace(/[^A-Za-z0-9._-]/g, '-')}`;
}

export function journalFile(platform: VitamPlatform): string {
  return `${backupDirectory(platform, platform.backup.catalogHost)}/nightshift-${platform.name}.run.json`;
}

export function manifestFile(platform: VitamPlatform, host: HostRef, set: string): string {
  return `${setDirectory(platform, host, set)}/manifest.json`;
}
