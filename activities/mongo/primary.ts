import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import { placeOf, type MongoDependencies } from './memberConnection.ts';
import { askMembers, type MemberView } from './memberView.ts';
import type { MongoMember, ReplicaSet, SeenPrimary } from './mongo.contract.ts';
import { inWords } from './replicaSetHealth.ts';

const electionSecondsMax = 30;
const pollMs = 300;

/** The member that claims to be primary in the highest term: one that was cut off may still claim it in a lower one. */
export async function findPrimaryOf(dependencies: MongoDependencies, set: ReplicaSet): Promise<{ seen: SeenPrimary; view: MemberView }> {
  return choosePrimary(set, await askMembers(dependencies, set));
}

function choosePrimary(set: ReplicaSet, views: readonly MemberView[]): { seen: SeenPrimary; view: MemberView } {
  const claims = views
    .filter(({ state, writable, setName }) => state === 'PRIMARY' && writable && setName === set.name)
    .sort((one, other) => other.term - one.term);
  const [first, second] = claims;
  if (first?.memberId === undefined)
    throw failure('MongoNoPrimary', `${set.name} has no primary: ${inWords(views)}`, { replicaSet: set.name });
  if (second && second.term === first.term)
    throw failure('MongoNoPrimary', `${set.name} has two primaries in term ${first.term}: ${inWords(views)}`, { replicaSet: set.name });
  const { member, term, memberId } = first;
  return { view: first, seen: { replicaSet: set.name, host: member.host.name, port: member.port, term, memberId } };
}

/** Proves after a stop that the stopped member was the primary to the end, and that its files are whole. */
export async function confirmStopped(
  dependencies: MongoDependencies,
  set: ReplicaSet,
  stopped: SeenPrimary,
): Promise<{ newPrimary: SeenPrimary | null }> {
  const isStopped = ({ host, port }: MongoMember): boolean => host.name === stopped.host && port === stopped.port;
  const member = set.members.find(isStopped);
  if (!member) throw failure('InvalidDefinition', `${stopped.host}:${stopped.port} is not a member of ${set.name}`);
  await checkStoppedCleanly(dependencies, set, member);
  const others = set.members.filter((each) => !isStopped(each));
  if (others.length === 0) return { newPrimary: null };
  const { seen, view } = await waitForElection(dependencies, { ...set, members: others });
  const prior = view.priorPrimaryMemberId;
  // A candidate that lost raises the term too, so the succession is what counts: later, and straight after the stopped member.
  if (seen.term <= stopped.term || (prior !== undefined && prior !== stopped.memberId))
    throw failure(
      'PrimaryChanged',
      `${set.name}: ${placeOf(member)} (id ${stopped.memberId}) was stopped as primary of term ${stopped.term}; now ${seen.host}:${seen.port} is primary ` +
        `of term ${seen.term}, and names id ${prior ?? 'unknown'} as the primary before it`,
      { replicaSet: set.name, stopped, newPrimary: seen, ...(prior === undefined ? {} : { priorPrimaryMemberId: prior }) },
    );
  return { newPrimary: seen };
}

async function waitForElection(dependencies: MongoDependencies, set: ReplicaSet): Promise<{ seen: SeenPrimary; view: MemberView }> {
  const deadlineMs = performance.now() + electionSecondsMax * 1000;
  return withHeartbeat(
    () => ({ waitingFor: `election in ${set.name}` }),
    async () => {
      for (;;) {
        const views = await askMembers(dependencies, set);
        try {
          return choosePrimary(set, views);
        } catch (error) {
          if (performance.now() > deadlineMs) throw error;
        }
        await pause(pollMs, undefined, { signal: cancellationSignal() });
      }
    },
  );
}

/** A mongod empties its lock file as the last act of a clean shutdown; after a crash the file holds its process id. */
async function checkStoppedCleanly({ openHost }: MongoDependencies, set: ReplicaSet, member: MongoMember): Promise<void> {
  const host = await openHost(member.host);
  const file = `${member.dataDirectory}/mongod.lock`;
  const { exitCode, stdout, stderrTail } = await host.run(['stat', '-c', '%s', '--', file], {
    accept: [0, 1],
    timeoutSeconds: 30,
    signal: cancellationSignal(),
  });
  const place = `${set.name}: ${placeOf(member)}`;
  if (exitCode !== 0) throw failure('MongoNotStoppedCleanly', `${place}: ${file} cannot be read: ${stderrTail.trim()}`, { file });
  const sizeBytes = Number(stdout.trim());
  if (sizeBytes !== 0)
    throw failure('MongoNotStoppedCleanly', `${place} did not stop cleanly: ${file} holds ${sizeBytes} bytes; a clean stop leaves 0`, {
      file,
      sizeBytes,
    });
}
