import type { ToolVersion } from '../clientTools.ts';
import type { Connections } from '../connections.ts';
import type { PostgresFacts, PostgresRef } from '../postgres.contract.ts';
import { readFacts } from '../serverFacts.ts';
import { absentOnStandby } from '../standby.ts';
import type { DumpInspection } from './dumps.contract.ts';

const application = 'nightshift dump check';

export async function inspectDumpOf(
  connections: Connections,
  tools: ToolVersion,
  server: PostgresRef,
  leftOut: readonly string[],
  signal: AbortSignal,
): Promise<DumpInspection> {
  return connections.session(server, { application, signal }, async (client) => {
    const facts = await readFacts(client);
    const faults = toolFaults(server, facts, tools);
    const { rows: schemas } = await client.query<{ name: string }>('select nspname as name from pg_namespace where pg_is_in_recovery()');
    for (const { name: schema } of schemas.filter(({ name }) => !leftOut.includes(name)))
      for (const name of await absentOnStandby(client, { schema, kept: [] }))
        faults.push(`${schema}.${name} is unlogged, and the ${server.name} is a standby, which does not have its rows: dump the primary`);
    return { server: facts, faults };
  });
}

/** pg_dump refuses a server of a newer major version. */
export function toolFaults({ name }: PostgresRef, { version, versionNumber }: PostgresFacts, tools: ToolVersion): string[] {
  if (Math.floor(versionNumber / 10_000) <= Math.floor(tools.versionNumber / 10_000)) return [];
  return [`the ${name} is PostgreSQL ${version}, the worker's client tools are ${tools.version}: they must not be older`];
}
