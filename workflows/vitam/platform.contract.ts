import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { HttpRequest } from '../../activities/http/http.contract.ts';
import type { MongoCluster } from '../../activities/mongo/mongo.contract.ts';
import type { ObjectStore } from '../../activities/objectStore/objectStore.contract.ts';
import type { ServiceCondition } from '../../activities/services/services.contract.ts';
import type { RunPolicy } from '../runbook/runbook.contract.ts';

/** A VITAM component: one unit name, on one or several hosts (vitam 12). */
export interface VitamComponent {
  name: string;
  unit: string;
  hosts: HostRef[];
  servicePort: number;
  /** Absent for programs without an admin port (logstash, kibana, Elasticsearch). */
  adminPort?: number;
  /** How to ask whether it is well. Absent: state and port alone decide. */
  status?: { scheme: HttpRequest['scheme']; port: number; path: string; accept: number[]; tls?: HttpRequest['tls'] };
  /** Conditions that count as stopped (vitam 13). */
  stoppedConditions: ServiceCondition[];
  limits: { startSeconds: number; stopSeconds: number; apiSeconds: number };
  /** metadata, logbook and functional-administration start one host at a time. */
  oneHostAtATime: boolean;
}

/** Component names in order; each list is strictly sequential. */
export interface VitamOrder {
  profile: string;
  /** No new work enters once these are down. */
  fronts: string[];
  /** Needed by running workflows and by the securisation. */
  workers: string[];
  backEnds: string[];
  search: string[];
  start: string[];
}

export type OutsideWindow = 'refuse' | 'wait' | 'run';

export interface VitamWindow {
  /** Local times "HH:MM" in `zone`. */
  begin: string;
  end: string;
  zone: string;
  outside: OutsideWindow;
  /** At the window's end with the backup not over: abort and start everything, go on, or ask (default after the deadline: abort). */
  atEnd: 'abort' | 'continue' | 'ask';
  /** When the backup ends early: start services at once, or at the window's end. */
  startServices: 'whenReady' | 'atWindowEnd';
}

export interface VitamDrain {
  pollSeconds: number;
  limitSeconds: number;
  /** Workflows in state PAUSE are persisted: go on with them, wait for their end, or ask. */
  paused: 'accept' | 'wait' | 'ask';
  /** Workflows that are FATAL sit in PAUSE for good: go on and report, ask, or abort. */
  fatal: 'accept' | 'ask' | 'abort';
}

/** How the night's logbook securisation runs and is watched (vitam 20). */
export type VitamSecurisation =
  | { mechanism: 'none'; reason: string }
  | {
      mechanism: 'cron';
      host: HostRef;
      /** Pattern for pgrep -f that matches the job while it runs. */
      processPattern: string;
      /** File that the job writes at its end; its modification time and first word (OK, WARNING, FATAL) are the result. */
      resultFile: string;
      /** Argument array that runs the job by hand. */
      command: string[];
      at: SecurisationTime;
    }
  | { mechanism: 'timers'; host: HostRef; /** Oneshot units without suffix, in order. */ units: string[]; at: SecurisationTime }
  | {
      mechanism: 'scheduler';
      /** Components that answer the logbook and scheduler APIs. */
      logbook: string;
      scheduler: string;
      /** Scheduler job names that must not be running when it is paused. */
      jobs: string[];
      /** Tenant that is sent with platform-wide requests. */
      adminTenant: number;
      at: SecurisationTime;
    };

export interface SecurisationTime {
  /** Local time "HH:MM" at which it runs by itself, or "now": trigger it without waiting. */
  when: string;
  /** How long after `when` it may begin by itself before it counts as missed and is triggered. */
  graceSeconds: number;
  limitSeconds: number;
  pollSeconds: number;
  /** Components that it needs: they are not stopped before it has ended. */
  needs: string[];
}

export interface VitamFurtherDirectory {
  /** Name of the archive, for example "data-storage" or "conf". */
  name: string;
  host: HostRef;
  path: string;
}

export interface VitamBackup {
  /** Directory on each host that holds its parts; on a separate disk. Key: host name. */
  directories: Record<string, string>;
  /** Refuse a backup directory on the same device as the data. */
  requireSeparateDisk: boolean;
  /** Free space wanted, as a multiple of the data size. */
  freeSpaceFactor: number;
  compressionLevel: number;
  /** Host that keeps the manifests and the run journal, in its backup directory. */
  catalogHost: HostRef;
  /** Good sets kept, at least 1. */
  keepSets: number;
  /** Digest of every collection (dbHash), or only counts, recorded before the fronts stop and again when nothing writes. */
  evidence: 'digest' | 'count';
  further: VitamFurtherDirectory[];
  objectStore?: ObjectStore;
  /** Restore proof: scratch directory and mongod, on the hosts that hold the parts. */
  proof?: { directory: string; mongod: string; port: number };
}

export interface VitamPolicy extends RunPolicy {
  clockSkewLimitSeconds: number;
  balancerLimitSeconds: number;
  /** The seed starts mongod first, the playbooks the config servers (vitam 33). */
  mongoStartOrder: 'mongodFirst' | 'configFirst';
  /** Restart every mongos after the config servers are back. */
  restartRouters: boolean;
}

/** A VITAM platform, validated and resolved: what the run follows to its end. */
export interface VitamPlatform {
  system: 'vitam';
  name: string;
  title: string;
  window: VitamWindow;
  hosts: HostRef[];
  components: VitamComponent[];
  order: VitamOrder;
  tenants: number[];
  /** Component that answers /processing/v1/operations. */
  processing: string;
  drain: VitamDrain;
  securisation: VitamSecurisation;
  /** Component whose jobs are paused after the securisation and resumed at the end; absent where there is none. */
  scheduler?: string;
  clusters: MongoCluster[];
  backup: VitamBackup;
  policy: VitamPolicy;
}
