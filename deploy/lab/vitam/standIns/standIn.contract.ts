/** What one stand-in process is told at its start: a JSON file on its machine, the program's only argument. */
export interface StandInConfiguration {
  component: string;
  address: string;
  servicePort: number;
  adminPort?: number;
  /** Directory on the machine's disk for what must outlive the process. */
  stateDirectory: string;
  /** Read anew at every request and signal; absent means no fault. */
  knobsFile: string;
  tenants: number[];
  /** Where the components that this one talks to listen. */
  peers: Record<string, { address: string; port: number }[]>;
  /** Workflows that processing has when it starts for the first time. */
  operations: NewOperation[];
}

/** Faults and speeds, set by tests and by `lab.ts fault`. */
export interface StandInKnobs {
  /** Ignores TERM: the manager must kill it. */
  refuseStop?: boolean;
  /** How long it works on after TERM. Default 0.2. */
  stopSeconds?: number;
  /** Exit status after TERM. Default 143, as a JVM. */
  exitStatus?: number;
  /** How long it is up before its ports are open. */
  startSeconds?: number;
  /** Exits with status 1 this long after its start; true means at once. */
  dieAfterStart?: boolean | number;
  /** Status of every answer of the service and admin ports. */
  statusCode?: number;
  /** Answers, but this much later. */
  answerSeconds?: number;
  /** logbook: how long the securisation of the operations takes. Default 1. */
  securisationSeconds?: number;
  /** logbook: its outcome when all that it needs is up. Default OK, or WARNING for a tenant with nothing to secure. */
  securisationOutcome?: 'OK' | 'WARNING' | 'FATAL';
  /** logbook: how long the life-cycle securisation of a tenant takes. Default 1. */
  lifecycleSeconds?: number;
  /** scheduler: names of jobs that run and do not end. */
  runningJobs?: string[];
}

/** A workflow of processing as the lab's own `POST /lab/operations` takes it. */
export interface NewOperation {
  tenant: number;
  /** How long it stays in `state`; absent: for good. */
  seconds?: number;
  /** Default RUNNING. */
  state?: 'RUNNING' | 'PAUSE';
  /** Default OK. */
  status?: 'UNKNOWN' | 'STARTED' | 'OK' | 'WARNING' | 'KO' | 'FATAL';
}

export interface StandInRequest {
  method: string;
  /** Path without query. */
  path: string;
  query: URLSearchParams;
  /** Lower-case names. */
  headers: Record<string, string | string[] | undefined>;
  /** Parsed JSON body; undefined when there is none. */
  body: unknown;
}

export interface StandInAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: unknown;
}

/** What one component answers beyond status and autotest; null: not a path of this component. */
export type StandInApi = (request: StandInRequest, knobs: StandInKnobs) => Promise<StandInAnswer | null> | StandInAnswer | null;
