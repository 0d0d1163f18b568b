import { ApplicationFailure } from '@temporalio/common';
import { MongoServerError, type MongoClient } from 'mongodb';

import { withMember, type MongoDependencies } from './memberConnection.ts';
import type { MongoMember, ReplicaSet } from './mongo.contract.ts';

/** What one member says about itself and its set. */
export interface MemberView {
  member: MongoMember;
  /** Replica set name that it runs under; empty when it runs under none. */
  setName: string;
  /** PRIMARY, SECONDARY, …; "UNREACHABLE" when it does not answer, "NOT IN SET" when it has no part in a set. */
  state: string;
  writable: boolean;
  term: number;
  /** Id in the set's configuration; absent when it does not know. */
  memberId?: number;
  /** When its newest operation was written, in milliseconds. */
  newestOperationMs?: number;
  /** Members of the configuration that it knows, as "id name". */
  configured: { id: number; name: string }[];
  /** Who was primary before, as the newly elected one saw it; absent elsewhere and after it lost the role. */
  priorPrimaryMemberId?: number;
  /** Why nothing is known. */
  trouble?: string;
}

interface StatusAnswer {
  set: string;
  term: unknown;
  members: { _id: number; name: string; stateStr: string; self?: boolean; optimeDate?: Date }[];
  electionCandidateMetrics?: { priorPrimaryMemberId?: number };
}

/** These say how a member is, not that we asked wrongly. */
const troubleTypes: readonly unknown[] = ['MongoUnreachable', 'MongoNoPrimary', 'HostUnreachable'];
const notYetInitialized = 94;
const invalidReplicaSetConfig = 93;
const noReplication = 76;
const notInSetCodes: readonly unknown[] = [notYetInitialized, invalidReplicaSetConfig, noReplication];

/** Asks every member at the same time. One that does not answer is reported, not thrown; wrong credentials and host keys are thrown. */
export async function askMembers(dependencies: MongoDependencies, set: ReplicaSet): Promise<MemberView[]> {
  const asked = await Promise.allSettled(set.members.map((member) => askMember(dependencies, set, member)));
  return asked.map((answer) => {
    if (answer.status === 'rejected') throw answer.reason;
    return answer.value;
  });
}

async function askMember(dependencies: MongoDependencies, set: ReplicaSet, member: MongoMember): Promise<MemberView> {
  const unknown = { member, setName: '', writable: false, term: 0, configured: [] };
  try {
    return await withMember(dependencies, member, set.credential, (client) => readView(client, member));
  } catch (error) {
    if (error instanceof ApplicationFailure && troubleTypes.includes(error.type))
      return { ...unknown, state: 'UNREACHABLE', trouble: shortMessage(error) };
    if (error instanceof MongoServerError && notInSetCodes.includes(error.code))
      return { ...unknown, state: 'NOT IN SET', trouble: error.message };
    throw error;
  }
}

async function readView(client: MongoClient, member: MongoMember): Promise<MemberView> {
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  const status = (await admin.command({ replSetGetStatus: 1 })) as unknown as StatusAnswer;
  const self = status.members.find((each) => each.self);
  const prior = status.electionCandidateMetrics?.priorPrimaryMemberId;
  return {
    member,
    setName: status.set,
    state: self?.stateStr ?? 'NOT IN SET',
    writable: hello.isWritablePrimary === true,
    term: Number(status.term),
    configured: status.members.map(({ _id, name }) => ({ id: _id, name })),
    ...(self ? { memberId: self._id } : {}),
    ...(self?.optimeDate ? { newestOperationMs: self.optimeDate.getTime() } : {}),
    ...(prior === undefined ? {} : { priorPrimaryMemberId: prior }),
  };
}

/** Without the remedy, which belongs to the failure as a whole. */
export function shortMessage(error: Error): string {
  return error.message.replace(/\. Remedy: .*$/s, '');
}
