import type { HostRef } from '../hosts/hosts.contract.ts';

/** User and password of a MongoDB, by name: `password` names a secret. Absent: no authentication. */
export interface MongoCredential {
  username: string;
  password: string;
  /** Database that knows the user, "admin" as a rule ("local" for the keyfile user). */
  authSource: string;
}

export interface MongoMember {
  host: HostRef;
  /** Address on which the mongod listens, seen from its host; the host's address as a rule. */
  address: string;
  port: number;
  unit: string;
  dataDirectory: string;
}

export interface ReplicaSet {
  /** Replica set name, for example "shard0" or "configsvr". */
  name: string;
  role: 'shard' | 'config';
  members: MongoMember[];
  credential?: MongoCredential;
}

export interface MongoRouter {
  host: HostRef;
  address: string;
  port: number;
  unit: string;
}

export interface MongoCluster {
  /** Name in the platform file, for example "data" or "offer-1". */
  name: string;
  routers: MongoRouter[];
  config: ReplicaSet;
  shards: ReplicaSet[];
  /** Rights for balancer commands, through mongos or on the config primary. */
  adminCredential?: MongoCredential;
}

export interface MemberHealth {
  host: string;
  port: number;
  /** PRIMARY, SECONDARY, RECOVERING, …; "UNREACHABLE" when it does not answer. */
  state: string;
  /** Election term that the member knows. */
  term: number;
  /** Seconds behind the primary's last operation. */
  lagSeconds: number;
}

export interface ReplicaSetHealth {
  name: string;
  members: MemberHealth[];
  /** Faults in words; empty when the set has one primary and every other member is a reachable secondary within 60 s of it. */
  faults: string[];
}

/** A primary as it was seen, with what is needed to prove later that it was the one that stopped. */
export interface SeenPrimary {
  replicaSet: string;
  host: string;
  port: number;
  term: number;
  /** Member id in the replica set's configuration. */
  memberId: number;
}

export type BalancerMode = 'full' | 'off';

export interface BalancerState {
  mode: BalancerMode;
  inRound: boolean;
  /** Where the answer came from: "mongos mongo-1:27017" or "config primary mongo-2:27018". */
  through: string;
}

export interface CollectionRecord {
  database: string;
  collection: string;
  count: number;
  /** MD5 of the collection's documents, as the server's dbHash computes it. */
  digest: string;
}

/** Raw content of one replica set's primary: what a copy of that member's files must contain. */
export interface ContentRecord {
  replicaSet: string;
  host: string;
  takenAt: string;
  collections: CollectionRecord[];
}

export interface ContentDifference {
  database: string;
  collection: string;
  expected: { count: number; digest: string } | null;
  found: { count: number; digest: string } | null;
}

export interface MongoActivities {
  /** Health of every member of a set. Repeatable: reads only. An unreachable member is a fault in the answer, not a failure. */
  checkReplicaSet(input: { set: ReplicaSet }): Promise<ReplicaSetHealth>;
  /** The elected primary, asked of every member; two that claim it, or none, fail with MongoNoPrimary (retried). */
  findPrimary(input: { set: ReplicaSet }): Promise<SeenPrimary>;
  /**
   * After the stop of `stopped`: proves that it was the primary to the end (the set's next term follows its term and names it
   * as the prior primary; a set of one has nobody to ask) and that it stopped cleanly (empty mongod.lock).
   * Fails with PrimaryChanged, MongoNotStoppedCleanly.
   */
  confirmPrimaryStopped(input: { set: ReplicaSet; stopped: SeenPrimary }): Promise<{ newPrimary: SeenPrimary | null }>;
  /** Waits until the set has exactly one primary and every member in `members` (host names; default all) is PRIMARY or SECONDARY. Heartbeats. Fails with MongoNoPrimary. */
  waitForReplicaSet(input: { set: ReplicaSet; limitSeconds: number }): Promise<ReplicaSetHealth>;

  /** Balancer's mode and whether a round runs: through a mongos that answers, else on the config primary (vitam 25). */
  readBalancer(input: { cluster: MongoCluster }): Promise<BalancerState>;
  /** Turns the balancer off and waits until no round and no migration runs. Repeatable. Heartbeats. Fails with BalancerNotIdle. */
  stopBalancer(input: { cluster: MongoCluster; limitSeconds: number }): Promise<BalancerState>;
  /** Sets the balancer to `mode` and reads it back. Repeatable. Fails with BalancerNotRestored (retried). */
  restoreBalancer(input: { cluster: MongoCluster; mode: BalancerMode }): Promise<BalancerState>;

  /**
   * Count and digest of every collection that the primary of the set holds, raw (orphans included), without `local` and without what the server
   * itself keeps writing (sessions, lock pings). Repeatable: reads only. Heartbeats per database.
   */
  recordContent(input: {
    set: ReplicaSet;
    /** Leave the digests empty: for data too large to hash in the window. */ countsOnly?: boolean;
  }): Promise<ContentRecord>;
  /**
   * Restore proof of one part: starts a standalone mongod on an unpacked data directory (a loopback port, no replication), records its
   * content, compares it with `expected`, stops it. Repeatable. Heartbeats. Returns the differences; an empty list is the proof.
   */
  checkRestoredData(input: {
    host: HostRef;
    dataDirectory: string;
    /** Path of mongod on the host. */
    mongod: string;
    port: number;
    expected: ContentRecord;
    credential?: MongoCredential;
  }): Promise<{ collections: number; documents: number; differences: ContentDifference[] }>;
}
