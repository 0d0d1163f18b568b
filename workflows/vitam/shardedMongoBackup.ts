import { failure } from '../../activities/failure.ts';
import type { ArchiveJob } from '../../activities/files/files.contract.ts';
import type { MongoMember, ReplicaSet, SeenPrimary } from '../../activities/mongo/mongo.contract.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { long, patient, quick } from '../runbook/profiles.ts';
import type { StepRecord } from '../runbook/runbook.contract.ts';
import { serviceCommand } from './commands.ts';
import { setKey, type Night } from './night.ts';
import type { ReplicaSetStep } from './plan.ts';
import { archiveFile, jobName } from './setNames.ts';

const setsAtOnceMax = 16;
const memberLimits = { startSeconds: 300, stopSeconds: 3600 };

/** Steps 1-11 of the seed's sharded backup (vitam 24), then the further directories in the figure's order. 12-15 are the way back. */
export async function shardedMongoBackup(night: Night): Promise<void> {
  const { plan, run } = night;

  await inParallel(plan.balancerOff, setsAtOnceMax, (planned) =>
    run.step(planned, async () => {
      const { cluster } = planned;
      night.balancersOff.add(cluster.name);
      run.takeDown({
        id: `balancer/${cluster.name}`,
        title: planned.unwind ?? '',
        commands: [`sh.setBalancerState(${night.balancers.get(cluster.name) !== 'off'}) on ${cluster.name}`],
      });
      await patient(`balancer of ${cluster.name} off`, planned.limitSeconds ?? 120).stopBalancer({
        cluster,
        limitSeconds: planned.limitSeconds ?? 120,
      });
    }),
  );
  await inParallel(plan.balancerIdle, setsAtOnceMax, (planned) =>
    run.step(planned, async (record) => {
      const state = await quick(`balancer of ${planned.cluster.name} idle?`).readBalancer({ cluster: planned.cluster });
      if (state.mode !== 'off' || state.inRound)
        throw failure(
          'BalancerNotIdle',
          `balancer of ${planned.cluster.name}: mode ${state.mode}, ${state.inRound ? 'in a round' : 'idle'}`,
        );
      record.note = `off and idle, through ${state.through}`;
    }),
  );
  await inParallel(plan.recordQuiet, setsAtOnceMax, (planned) => recordContent(night, planned, night.content));

  const shards = await inParallel(plan.findPrimary, setsAtOnceMax, (planned) => findPrimary(night, planned));
  await inParallel(plan.stopPrimary, setsAtOnceMax, (planned) => stopPrimary(night, planned, shards));
  await inParallel(plan.allShardsStopped, 1, (planned) =>
    run.step(planned, () =>
      checkStopped(
        night,
        planned.cluster.shards.map((set) => ({ key: setKey(planned.cluster, set), set })),
      ),
    ),
  );
  const configs = await inParallel(plan.findConfigPrimary, setsAtOnceMax, (planned) => findPrimary(night, planned));
  await inParallel(plan.stopConfigPrimary, setsAtOnceMax, (planned) => stopPrimary(night, planned, configs));

  await inParallel(plan.copy, setsAtOnceMax, (planned) => run.step(planned, (record) => copyMember(night, planned, record)));
  await run.step(plan.allCopied, () =>
    checkStopped(
      night,
      plan.copy.map(({ cluster, set }) => ({ key: setKey(cluster, set), set })),
    ),
  );
  for (const planned of plan.further) await run.step(planned, (record) => copyFurther(night, planned, record));
}

export async function recordContent(night: Night, planned: ReplicaSetStep, into: Night['content']): Promise<void> {
  await night.run.step(planned, async (record) => {
    const content = await long(planned.title).recordContent({
      set: planned.set,
      ...(night.platform.backup.evidence === 'count' ? { countsOnly: true } : {}),
    });
    into.set(setKey(planned.cluster, planned.set), content);
    record.note = `${content.collections.length} collections, ${content.collections.reduce((sum, { count }) => sum + count, 0)} documents`;
  });
}

async function findPrimary(night: Night, planned: ReplicaSetStep): Promise<SeenPrimary> {
  return night.run.step(planned, async (record) => {
    const primary = await quick(planned.title).findPrimary({ set: planned.set });
    record.note = `${primary.host}:${primary.port}`;
    return primary;
  });
}

/** Looked up again right before the stop; afterwards proven to have been the primary and to have stopped cleanly (vitam 26). */
async function stopPrimary(night: Night, planned: ReplicaSetStep, found: readonly SeenPrimary[]): Promise<void> {
  const { run } = night;
  const { set, cluster } = planned;
  const key = setKey(cluster, set);
  await run.step(planned, async (record) => {
    let seen = night.stopped.get(key);
    if (!seen) {
      seen = await quick(`primary of ${key}, right before the stop`).findPrimary({ set });
      const earlier = found.find(({ replicaSet }) => replicaSet === set.name);
      if (earlier && earlier.host !== seen.host) run.warn(`${key}: the primary moved from ${earlier.host} to ${seen.host} before its stop`);
      const { host, unit } = memberOf(set, seen);
      night.stopped.set(key, seen);
      run.takeDown({
        id: `member/${key}`,
        title: planned.unwind ?? key,
        host: host.name,
        commands: [serviceCommand(host, 'start', unit)],
      });
    }
    const member = memberOf(set, seen);
    await patient(`stop ${member.unit} on ${member.host.name}`, memberLimits.stopSeconds).stopService({
      host: member.host,
      unit: member.unit,
      ports: [member.port],
      acceptedConditions: ['stopped'],
      limitSeconds: memberLimits.stopSeconds,
    });
    await patient(`${key}: was it the primary, did it stop cleanly?`, 120).confirmPrimaryStopped({ set, stopped: seen });
    record.note = `${seen.host}:${seen.port} stopped, clean`;
  });
}

export function memberOf(set: ReplicaSet, primary: SeenPrimary): MongoMember {
  const member = set.members.find(({ host, port }) => host.name === primary.host && port === primary.port);
  if (!member) throw failure('InvalidDefinition', `${primary.host}:${primary.port} is not a member of ${set.name}`);
  return member;
}

/** The join: what was stopped stands still. Something that started it again voids the copies (vitam 27). */
async function checkStopped(night: Night, sets: { key: string; set: ReplicaSet }[]): Promise<void> {
  await inParallel(sets, setsAtOnceMax, async ({ key, set }) => {
    const seen = night.stopped.get(key);
    if (!seen) throw failure('ServiceNotStopped', `the primary of ${key} was not stopped`);
    const { host, unit, port } = memberOf(set, seen);
    const state = await quick(`is ${unit} on ${host.name} still stopped?`).readServiceState({ host, unit, ports: [port] });
    if (state.condition !== 'stopped' || state.ports.some(({ open }) => open))
      throw failure('SourceRanDuringCopy', `${unit} on ${host.name} is ${state.said}: something started it`);
  });
}

async function copyMember(night: Night, planned: ReplicaSetStep, record: StepRecord): Promise<void> {
  const { platform, set: setName } = night;
  const key = setKey(planned.cluster, planned.set);
  const seen = night.stopped.get(key);
  if (!seen) throw failure('ServiceNotStopped', `the primary of ${key} was not stopped`);
  const { host, dataDirectory } = memberOf(planned.set, seen);
  await checkStopped(night, [{ key, set: planned.set }]);
  await copy(night, record, planned.part, {
    host,
    job: jobName(platform, setName, planned.part),
    source: dataDirectory,
    target: archiveFile(platform, host, setName, planned.part),
    level: platform.backup.compressionLevel,
    mustBeEmpty: ['mongod.lock'],
  });
}

async function copyFurther(
  night: Night,
  { directory }: { directory: { name: string; host: ArchiveJob['host']; path: string } },
  record: StepRecord,
): Promise<void> {
  const { platform, set: setName } = night;
  const part = `further/${directory.name}`;
  await copy(night, record, part, {
    host: directory.host,
    job: jobName(platform, setName, part),
    source: directory.path,
    target: archiveFile(platform, directory.host, setName, part),
    level: platform.backup.compressionLevel,
    mustBeEmpty: [],
  });
}

/**
 * The copy is a named job on its host; here it is only begun and watched, so a lost worker or connection finds it again. A watch returns
 * after a growing while with the bytes, for the checklist: a copy of hours costs tens of events, not thousands.
 */
async function copy(night: Night, record: StepRecord, part: string, job: ArchiveJob): Promise<void> {
  if (!night.jobs.some((each) => each.job === job.job)) night.jobs.push(job);
  await quick(`folder for ${part} on ${job.host.name}`).ensureDirectory({ host: job.host, path: folderOf(job.target) });
  // Another try of the step begins anew; another attempt of an activity finds the job.
  if (record.attempts > 1) await patient(`discard the former try of ${part}`, 300).discardArchive({ ...job, removeTarget: true });
  await patient(`begin the copy of ${part} on ${job.host.name}`, 120).startArchive(job);
  const beganMs = Date.now();
  for (;;) {
    const watchSeconds = Math.max(5, Math.round((Date.now() - beganMs) / 1000 / 6));
    const seen = await long(`copy ${part} on ${job.host.name}`).watchArchive({ ...job, watchSeconds });
    if (seen.state === 'done') {
      night.parts.push({ name: part, archive: seen.archive });
      record.bytes = {
        done: seen.archive.sourceBytes,
        total: seen.archive.sourceBytes,
        written: seen.archive.sizeBytes,
        bytesPerSecond: 0,
      };
      record.note = `${seen.archive.sizeBytes} bytes, sha256 ${seen.archive.sha256.slice(0, 12)}…`;
      return;
    }
    const { sourceBytes, sourceTotalBytes, writtenBytes, elapsedSeconds } = seen;
    record.bytes = {
      done: sourceBytes,
      total: sourceTotalBytes,
      written: writtenBytes,
      bytesPerSecond: elapsedSeconds > 0 ? Math.round(sourceBytes / elapsedSeconds) : 0,
    };
  }
}

function folderOf(file: string): string {
  return file.slice(0, file.lastIndexOf('/'));
}
