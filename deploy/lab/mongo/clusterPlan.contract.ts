/** One mongod of the lab's cluster, by the machine that runs it. */
export interface ClusterMember {
  machine: string;
  /** Address and port on which it listens, as the other members know it. */
  address: string;
  port: number;
}

export interface ClusterSet {
  name: string;
  role: 'shard' | 'config';
  members: ClusterMember[];
}

/** What the lab wants its sharded cluster to be. */
export interface ClusterPlan {
  config: ClusterSet;
  shards: ClusterSet[];
  /** Text of the key file that every member has. */
  keyFileText: string;
  /** Users of VITAM: the first for the balancer (on the config set), the second to look at every member. */
  adminPassword: string;
  localAdminPassword: string;
  /** Bytes of documents per shard, in megabytes (10^6), before MongoDB's own compression. */
  megabytesPerShard: number;
  /** The same seed gives the same documents. */
  seed: number;
}

/** Where this process connects to for a member: the member itself, or a local forward to it. */
export type ReachMember = (member: ClusterMember) => Promise<{ host: string; port: number }>;

export const adminUser = 'vitamdb-admin';
export const localAdminUser = 'vitamdb-localadmin';
