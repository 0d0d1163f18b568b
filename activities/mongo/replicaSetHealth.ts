import { placeOf } from './memberConnection.ts';
import type { MemberView } from './memberView.ts';
import type { ReplicaSet, ReplicaSetHealth } from './mongo.contract.ts';

const lagSecondsMax = 60;

/** Judges what the members said: the verdict on a set, in words. */
export function judgeReplicaSet(set: ReplicaSet, views: readonly MemberView[]): ReplicaSetHealth {
  const primaries = views.filter(({ state }) => state === 'PRIMARY');
  const newestMs = Math.max(...(primaries.length > 0 ? primaries : views).map(({ newestOperationMs = 0 }) => newestOperationMs));
  const members = views.map(({ member, state, term, newestOperationMs }) => ({
    host: member.host.name,
    port: member.port,
    state,
    term,
    lagSeconds: newestOperationMs === undefined ? 0 : Math.max(0, Math.round((newestMs - newestOperationMs) / 1000)),
  }));

  const faults: string[] = [];
  if (primaries.length === 0) faults.push(`${set.name}: no primary`);
  if (primaries.length > 1) faults.push(`${set.name}: ${primaries.length} primaries: ${placesOf(primaries)}`);
  for (const [index, view] of views.entries()) faults.push(...memberFaults(set, view, members[index]?.lagSeconds ?? 0));
  faults.push(...configurationFaults(set, views));
  return { name: set.name, members, faults };
}

/** True when the set can serve: one primary, every other member a secondary, whatever their lag. */
export function isComplete(views: readonly MemberView[]): boolean {
  const count = (wanted: string): number => views.filter(({ state }) => state === wanted).length;
  return (
    count('PRIMARY') === 1 &&
    count('SECONDARY') === views.length - 1 &&
    views.every(({ state, writable }) => state !== 'PRIMARY' || writable)
  );
}

export function inWords(views: readonly MemberView[]): string {
  return views.map(({ member, state, term, trouble }) => `${placeOf(member)} ${trouble ?? `${state} in term ${term}`}`).join('; ');
}

function memberFaults(set: ReplicaSet, { member, state, setName, trouble }: MemberView, lagSeconds: number): string[] {
  const place = placeOf(member);
  if (state === 'UNREACHABLE') return [`${set.name}: ${place} does not answer: ${trouble ?? ''}`];
  if (state === 'NOT IN SET') return [`${set.name}: ${place} is not in the set's configuration${trouble ? ` (${trouble})` : ''}`];
  if (setName !== set.name) return [`${set.name}: ${place} belongs to the replica set "${setName}"`];
  if (state !== 'PRIMARY' && state !== 'SECONDARY') return [`${set.name}: ${place} is ${state}`];
  if (lagSeconds > lagSecondsMax) return [`${set.name}: ${place} is ${lagSeconds} s behind the primary, ${lagSecondsMax} s are allowed`];
  return [];
}

/** Names may differ between the set's configuration and the platform file, so members are recognised by the id that each says is its own. */
function configurationFaults(set: ReplicaSet, views: readonly MemberView[]): string[] {
  const configured = views.find(({ state, configured }) => state === 'PRIMARY' && configured.length > 0)?.configured ?? [];
  const found = new Set(views.map(({ memberId }) => memberId));
  const foreign = configured.filter(({ id }) => !found.has(id));
  const silent = views.filter(({ memberId }) => memberId === undefined).length;
  if (foreign.length <= silent) return [];
  const names = foreign.map(({ id, name }) => `${name} (id ${id})`).join(', ');
  return [`${set.name}: its configuration has ${configured.length} members, the platform file ${views.length}; not found: ${names}`];
}

function placesOf(views: readonly MemberView[]): string {
  return views.map(({ member, term }) => `${placeOf(member)} in term ${term}`).join(', ');
}
