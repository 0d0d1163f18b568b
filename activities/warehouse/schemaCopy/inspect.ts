import type { ToolVersion } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { toolFaults } from '../../postgres/dumps/inspect.ts';
import type { PostgresFacts, PostgresRef } from '../../postgres/postgres.contract.ts';
import { readFacts } from '../../postgres/serverFacts.ts';
import { isStandbyOf } from '../../postgres/standby.ts';
import type { SchemaCopy, SchemaCopyInspection } from './schemaCopy.contract.ts';

const application = 'nightshift schema check';

export async function inspectSchemaCopyOf(
  connections: Connections,
  tools: ToolVersion,
  { source: from, target: to }: SchemaCopy,
  others: readonly PostgresRef[],
  signal: AbortSignal,
): Promise<SchemaCopyInspection> {
  const factsOf = (server: PostgresRef): Promise<PostgresFacts> =>
    connections.session(server, { application, signal }, (client) => readFacts(client));
  const [source, target] = await Promise.all([factsOf(from), factsOf(to)]);
  const faults = toolFaults(from, source, tools);
  if (source.identity === target.identity)
    faults.push(`${to.name} and ${from.name} are the same database (${target.database}): the copy would empty it`);
  for (const other of others) {
    if ((await factsOf(other)).identity === target.identity)
      faults.push(`${to.name} is the ${other.name} (${target.database}): the copy would empty it`);
    const follows = await connections.session(other, { application, signal }, (standby) =>
      connections.session(to, { application, signal }, (client) => isStandbyOf(standby, client)),
    );
    if (follows)
      faults.push(`${to.name} is the server that the ${other.name} is a standby of (${target.database}): the copy would empty it`);
  }
  if (target.inRecovery) faults.push(`${to.name} is a standby and takes no changes`);
  return { source, target, faults };
}
