import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import { failure } from '../failure.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { withMember, type MongoDependencies } from './memberConnection.ts';
import type { MemberHealth, MongoActivities, MongoMember, ReplicaSet, ReplicaSetHealth, SeenPrimary } from './mongo.contract.ts';

const lagLimitSeconds = 60;
const electionLimitSeconds = 60;

/** What one member says of itself and of its set. */
interface MemberView {
  member: MongoMember;
  /** Null when it does not answer; then `trouble` says why. */
  state: string | null;
  trouble: string | null;
  setName: string;
  term: number;
  memberId: number;
  optimeSeconds: number;
  priorPrimaryMemberId: number | null;
}

interface SetStatus {
  set: string;
  term: number | { toString: () => string };
  members: { _id: number; stateStr: string; self?: boolean; optimeDate?: Date }[];
  electionCandidateMetrics?: { priorPrimaryMemberId?: number };
}

export function createReplicaSetActivities(
  dependencies: MongoDependencies,
): Pick<MongoActivities, 'checkReplicaSet' | 'findPrimary' | 'confirmPrimaryStopped' | 'waitForReplicaSet'> {
  const look = (set: ReplicaSet, members: readonly MongoMember[] = set.members): Promise<MemberView[]> =>
    Promise.all(members.map((member) => viewOf(dependencies, set, member)));

  async function healthOf(set: ReplicaSet): Promise<ReplicaSetHealth> {
    const views = await look(set);
    const primary = primaryAmong(views);
    const members: MemberHealth[] = views.map(({ member, state, term, optimeSeconds }) => ({
      host: member.host.name,
      port: member.port,
      state: state ?? 'UNREACHABLE',
      term,
      lagSeconds: state === null || !primary ? 0 : Math.max(0, Math.round(primary.optimeSeconds - optimeSeconds)),
    }));
    return { name: set.name, members, faults: faultsOf(set, views, members) };
  }

  return {
    checkReplicaSet: ({ set }) =>
      withHeartbeat(
        () => ({ set: set.name }),
        () => healthOf(set),
      ),

    findPrimary: ({ set }) =>
      withHeartbeat(
        () => ({ set: set.name }),
        async () => seen(set, await look(set)),
      ),

    async confirmPrimaryStopped({ set, stopped }) {
      const beganMs = performance.now();
      return withHeartbeat(
        () => ({ set: set.name, elapsedSeconds: secondsSince(beganMs) }),
        async () => {
          const member = set.members.find(({ host, port }) => host.name === stopped.host && port === stopped.port);
          if (!member) throw failure('InvalidInput', `${stopped.host}:${stopped.port} is no member of ${set.name}`);
          await checkCleanStop(dependencies, member);
          const others = set.members.filter((each) => each !== member);
          if (others.length === 0) return { newPrimary: null };
          for (;;) {
            const views = await look(set, others);
            const next = primaryAmong(views);
            if (next) {
              checkSuccession(set, stopped, next);
              return { newPrimary: seen(set, views) };
            }
            // Two members without the third have no majority when one of them is down: then there is nobody to ask.
            if (views.filter(({ state }) => state !== null).length <= set.members.length / 2) return { newPrimary: null };
            if (secondsSince(beganMs) > electionLimitSeconds)
              throw failure(
                'MongoNoPrimary',
                `${set.name}: no new primary ${electionLimitSeconds} s after the stop of ${stopped.host}:${stopped.port}`,
              );
            await pause(200, undefined, { signal: cancellationSignal() });
          }
        },
      );
    },

    async waitForReplicaSet({ set, limitSeconds }) {
      const beganMs = performance.now();
      let health: ReplicaSetHealth = { name: set.name, members: [], faults: ['not looked at'] };
      return withHeartbeat(
        () => ({ set: set.name, faults: health.faults, elapsedSeconds: secondsSince(beganMs) }),
        async () => {
          for (let pauseMs = 100; ; pauseMs = Math.min(pauseMs * 1.5, 2_000)) {
            health = await healthOf(set);
            if (health.faults.length === 0) return health;
            if (secondsSince(beganMs) >= limitSeconds)
              throw failure('MongoNoPrimary', `${set.name} is not well after ${limitSeconds} s: ${health.faults.join('; ')}`);
            await pause(pauseMs, undefined, { signal: cancellationSignal() });
          }
        },
      );
    },
  };
}

async function viewOf(dependencies: MongoDependencies, set: ReplicaSet, member: MongoMember): Promise<MemberView> {
  const view: MemberView = {
    member,
    state: null,
    trouble: null,
    setName: '',
    term: -1,
    memberId: -1,
    optimeSeconds: 0,
    priorPrimaryMemberId: null,
  };
  try {
    return await withMember(dependencies, member, set.credential, async (client) => {
      const status = (await client.db('admin').command({ replSetGetStatus: 1 })) as unknown as SetStatus;
      const self = status.members.find((each) => each.self === true);
      const hello = await client.db('admin').command({ hello: 1 });
      // An elected member first finishes what it has received: until then it takes no commands of a primary.
      const catchesUp = self?.stateStr === 'PRIMARY' && hello.isWritablePrimary !== true;
      return {
        ...view,
        state: catchesUp ? 'ELECTED, NOT YET WRITABLE' : (self?.stateStr ?? 'UNKNOWN'),
        setName: status.set,
        term: Number(status.term.toString()),
        memberId: self?._id ?? -1,
        optimeSeconds: (self?.optimeDate?.getTime() ?? 0) / 1000,
        priorPrimaryMemberId: status.electionCandidateMetrics?.priorPrimaryMemberId ?? null,
      };
    });
  } catch (error) {
    // A member that is down is an answer; a wrong password or an unknown host key is not.
    if (error instanceof ApplicationFailure && error.type !== 'MongoUnreachable' && error.type !== 'HostUnreachable') throw error;
    if (error instanceof Error && error.name === 'AbortError') throw error;
    return { ...view, trouble: error instanceof Error ? error.message : String(error) };
  }
}

/** The member that is primary; of two that claim it, the one elected last. */
function primaryAmong(views: readonly MemberView[]): MemberView | null {
  const claims = views.filter(({ state }) => state === 'PRIMARY').sort((a, b) => b.term - a.term);
  return claims[0] ?? null;
}

function seen(set: ReplicaSet, views: readonly MemberView[]): SeenPrimary {
  const primary = primaryAmong(views);
  const told = views
    .map(({ member, state, trouble }) => `${member.host.name}:${member.port} ${state ?? `does not answer (${trouble ?? ''})`}`)
    .join(', ');
  if (!primary) throw failure('MongoNoPrimary', `${set.name} has no primary: ${told}`);
  if (views.filter(({ state, term }) => state === 'PRIMARY' && term === primary.term).length > 1)
    throw failure('MongoNoPrimary', `${set.name} has two primaries in term ${primary.term}: ${told}`);
  return {
    replicaSet: set.name,
    host: primary.member.host.name,
    port: primary.member.port,
    term: primary.term,
    memberId: primary.memberId,
  };
}

function faultsOf(set: ReplicaSet, views: readonly MemberView[], members: readonly MemberHealth[]): string[] {
  const faults = views.flatMap(({ member, state, trouble, setName }) => {
    const name = `${member.host.name}:${member.port}`;
    if (state === null) return [`${name} does not answer: ${trouble ?? ''}`];
    if (setName !== set.name) return [`${name} belongs to set "${setName}", not to "${set.name}"`];
    return state === 'PRIMARY' || state === 'SECONDARY' ? [] : [`${name} is ${state}`];
  });
  const primaries = members.filter(({ state }) => state === 'PRIMARY');
  if (primaries.length === 0) faults.push('no primary');
  if (primaries.length > 1) faults.push(`${primaries.length} members claim to be primary: ${primaries.map(({ host }) => host).join(', ')}`);
  for (const { host, port, lagSeconds } of members)
    if (lagSeconds > lagLimitSeconds) faults.push(`${host}:${port} is ${lagSeconds} s behind the primary; limit ${lagLimitSeconds} s`);
  return faults;
}

/** mongod empties its lock file at a clean end, and only then (real-parts.md 2). */
async function checkCleanStop({ openHost }: MongoDependencies, member: MongoMember): Promise<void> {
  const host = await openHost(member.host);
  const lock = `${member.dataDirectory}/mongod.lock`;
  const { stdout } = await host.run(['stat', '-c', '%s', '--', lock], { signal: cancellationSignal(), timeoutSeconds: 30 });
  if (stdout.trim() !== '0')
    throw failure(
      'MongoNotStoppedCleanly',
      `${member.unit} on ${member.host.name}: ${lock} has ${stdout.trim()} bytes; it is empty after a clean stop`,
    );
}

/** The new primary must follow the one that was stopped: a later term, and elected after it and no other. */
function checkSuccession(set: ReplicaSet, stopped: SeenPrimary, next: MemberView): void {
  const prior = next.priorPrimaryMemberId;
  if (next.term > stopped.term && (prior === null || prior === stopped.memberId)) return;
  throw failure(
    'PrimaryChanged',
    `${set.name}: the stopped ${stopped.host}:${stopped.port} (member ${stopped.memberId}, term ${stopped.term}) was not the primary to the end: ${next.member.host.name}:${next.member.port} is primary in term ${next.term} after member ${prior ?? 'unknown'}`,
  );
}
