/**
 * The failure catalogue: every failure type that an activity or a workflow throws on purpose, whether Temporal may
 * retry it, and what a person does about it. `deploy/README.md` has one row per type; a repository test keeps both in step.
 * A type names the state of the world, so that it reads well in the list of runs.
 */
export const failureCatalogue = {
  // The request is wrong: the requester acts.
  InvalidInput: { retry: false, remedy: 'correct the request and start again' },
  InvalidDefinition: { retry: false, remedy: 'correct the definition file; `npm run ops -- check` lists every fault' },
  UnknownRunbook: { retry: false, remedy: 'start one of the known workflow types' },
  AlreadyRunning: { retry: false, remedy: 'wait for the run that the message names, or cancel it' },
  OutsideWindow: { retry: false, remedy: 'start inside the window, or add "window":{"outside":"run"} to the input' },
  PreflightFailed: { retry: false, remedy: 'fix what the list names, then start again; nothing was touched' },
  LeftoverOfEarlierRun: { retry: false, remedy: 'run vitamStart for the platform, then start again' },
  // Will pass: nobody acts, retries do.
  HostUnreachable: { retry: true, remedy: 'check network, sshd and power of the host' },
  MongoUnreachable: { retry: true, remedy: 'check that the member runs and answers' },
  MongoNoPrimary: { retry: true, remedy: 'wait: an election may be under way; otherwise look at the set' },
  PostgresUnreachable: { retry: true, remedy: 'check that the PostgreSQL server runs and answers' },
  PostgresBusy: { retry: true, remedy: 'another session was in the way; it is retried' },
  HttpUnreachable: { retry: true, remedy: 'check that the service runs and answers' },
  HttpUnexpectedAnswer: { retry: true, remedy: 'read the log of the service that answered' },
  ObjectStoreUnavailable: { retry: true, remedy: 'check the object store; the upload is retried' },
  ServiceManagerUnavailable: { retry: true, remedy: 'check systemd or supervisord on the host' },
  // The machine is wrong: the operator acts.
  HostKeyChanged: { retry: false, remedy: 'find out why; only then pin the new key in the platform file' },
  CredentialsRejected: { retry: false, remedy: 'correct the secret that the message names' },
  SecretMissing: { retry: false, remedy: 'give the worker the secret that the message names' },
  CommandNotFound: { retry: false, remedy: 'install the command on the host that the message names' },
  CommandFailed: { retry: true, remedy: 'read the end of its error output in the message' },
  UnknownUnit: { retry: false, remedy: 'correct the unit name in the platform file, or install the unit' },
  ServiceNotStopped: { retry: false, remedy: 'read the log of the service; it may still be working' },
  ServiceNotStarted: { retry: true, remedy: 'read the log of the service on the host that the message names' },
  DiskSpaceInsufficient: { retry: false, remedy: 'free space on the host, then start again' },
  PrimaryChanged: { retry: false, remedy: 'look at the elections of the set, then retry the step' },
  MongoNotStoppedCleanly: { retry: false, remedy: 'read the log of the mongod; do not copy its files' },
  BalancerNotIdle: { retry: false, remedy: 'wait for the migration under way, then retry the step' },
  BalancerNotRestored: { retry: true, remedy: 'set the balancer by hand to the state that the message names' },
  WorkflowsStillActive: { retry: false, remedy: 'finish, resume or cancel the workflows that the message names' },
  SecurisationFailed: { retry: false, remedy: 'read the logbook event; run the securisation by hand' },
  PostgresFailed: { retry: false, remedy: 'read what the server said in the message' },
  SnapshotLost: {
    retry: false,
    remedy:
      'the copy starts again under a new snapshot; if that happens too often, fix what ends sessions on the source; readers were not affected',
  },
  BesideNotPossible: {
    retry: false,
    remedy: 'remove what the list names, or set full.method: inPlace (readers see errors while it runs), then start again',
  },
  TargetBusy: { retry: false, remedy: 'end the sessions that the message names, then start again; what is in use has not changed' },
  NothingToUndo: { retry: false, remedy: 'there is no former copy; run the replication again' },
  // The artefact is wrong: the operator acts, in the morning.
  ArchiveFailed: { retry: false, remedy: 'read the log of the copy job; the set is void, the last good set is kept' },
  SourceRanDuringCopy: { retry: false, remedy: 'find what started the service; the set is void' },
  ChecksumMismatch: { retry: false, remedy: 'do not use this file; keep it for analysis' },
  ReplicaNotVerified: {
    retry: false,
    remedy: 'look at the differences that the message names; a copy built next to the one in use was not put into use',
  },
  IncrementalTableEmpty: { retry: false, remedy: 'load the table once with pixPrepareIncremental, then start again' },
  SchemaChanged: { retry: false, remedy: 'set incremental.whenSchemaChanged: reload, or run pixPrepareIncremental for the table' },
  NotificationFailed: { retry: false, remedy: 'check the receivers; the data is in place; start again with "startAt":"notification"' },
  LearningContentInvalid: { retry: false, remedy: 'tell the owners of the learning content; the former content is still in use' },
  RestoreNotVerified: { retry: false, remedy: 'do not rely on this set; make another backup and look at the differences' },
  // The platform is down: the operator acts, now.
  PlatformNotRestored: { retry: false, remedy: 'run the commands in the message now, then investigate' },
  // A limit was met or a choice was made.
  HistoryTooLong: { retry: false, remedy: 'what was down is back; look at which wait took so many looks, then start again' },
  DeadlineExceeded: { retry: false, remedy: 'see which step took the time; raise its limit or start earlier' },
  LoadTooHigh: { retry: false, remedy: 'find what loads the database; start again when it is quiet; what was in use is still in use' },
  NotConfirmed: { retry: false, remedy: 'nobody answered in time and the default is to stop; start again' },
  StepAborted: { retry: false, remedy: 'an operator chose to abort; the report says who and why' },
} as const satisfies Record<string, { retry: boolean; remedy: string }>;

export type FailureType = keyof typeof failureCatalogue;
