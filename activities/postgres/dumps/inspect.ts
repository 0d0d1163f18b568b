import type { Connections } from '../connections.ts';
import type { PostgresFacts, PostgresRef } from '../postgres.contract.ts';
import { readFacts } from '../postgresFacts.ts';
import { absentOnStandby, isStandbyOf } from '../standby.ts';
import { workSchemas } from '../../warehouse/ownSchemas.ts';
import type { DumpInspection, SchemaCopy, SchemaCopyInspection } from './dumps.contract.ts';

interface ToolVersion {
  version: string;
  versionNumber: number;
}

const application = 'nightshift dump check';

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

export async function inspectDumpOf(
  connections: Connections,
  tools: ToolVersion,
  server: PostgresRef,
  signal: AbortSignal,
): Promise<DumpInspection> {
  return connections.session(server, { application, signal }, async (client) => {
    const facts = await readFacts(client);
    const faults = toolFaults(server, facts, tools);
    const { rows: schemas } = await client.query<{ name: string }>('select nspname as name from pg_namespace where pg_is_in_recovery()');
    for (const { name: schema } of schemas.filter(({ name }) => !workSchemas.includes(name)))
      for (const name of await absentOnStandby(client, { schema, kept: [] }))
        faults.push(`${schema}.${name} is unlogged, and the ${server.name} is a standby, which does not have its rows: dump the primary`);
    return { server: facts, faults };
  });
}

/** pg_dump refuses a server of a newer major version. */
function toolFaults({ name }: PostgresRef, { version, versionNumber }: PostgresFacts, tools: ToolVersion): string[] {
  if (Math.floor(versionNumber / 10_000) <= Math.floor(tools.versionNumber / 10_000)) return [];
  return [`the ${name} is PostgreSQL ${version}, the worker's client tools are ${tools.version}: they must not be older`];
}
