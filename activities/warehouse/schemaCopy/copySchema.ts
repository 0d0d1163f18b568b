import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { CopiedSchema, SchemaCopy } from './schemaCopy.contract.ts';
import { type ReplicaRun, ownSchemas } from '../warehouse.contract.ts';
import { withoutSchemas, type ClientTools } from '../../postgres/clientTools.ts';
import type { Connections } from '../../postgres/connections.ts';
import { notForCopies } from '../dumpOptions.ts';
import { findSchemaCopy, recordCopy } from './copyRecord.ts';
import { chooseEntries, readPresent, withoutImpossibleDrops } from './schemaScript.ts';

const application = 'nightshift schema copy';

/**
 * pg_dump of the schema alone (pix 38), made into a script that psql plays as one transaction and ends at the first error. It plays a file:
 * from a pipe whose writer dies it would commit what it got. By way of an archive, as its list tells entries that must stay behind.
 */
export async function copySchemaOf(
  connections: Connections,
  tools: ClientTools,
  copy: SchemaCopy,
  owner: ReplicaRun,
  { signal, onPart }: { signal: AbortSignal; onPart: (part: string) => void },
): Promise<CopiedSchema> {
  const { session, urlOf } = connections;
  const { source, target } = copy;
  const { report: done } = await findSchemaCopy(connections, copy, owner, signal);
  if (done) return done;
  const present = await session(target, { application, signal }, readPresent);
  const folder = await mkdtemp(join(tmpdir(), 'nightshift-schema-'));
  try {
    const [archive, list, script] = [join(folder, 'schema.dump'), join(folder, 'schema.list'), join(folder, 'schema.sql')];
    onPart('dump');
    const dumped = ['--format=custom', '--schema-only', ...notForCopies, ...withoutSchemas(Object.values(ownSchemas)), `--file=${archive}`];
    await tools.run('pg_dump', dumped, { url: await urlOf(source), application, signal });
    const chosen = chooseEntries(await tools.run('pg_restore', ['--list', archive], { application, signal }), present.extensions);
    await writeFile(list, chosen.list, { mode: 0o600 });
    const written = ['--clean', '--if-exists', '--no-owner', '--no-privileges', `--use-list=${list}`, '--file=-', archive];
    const text = await tools.run('pg_restore', written, { application, signal });
    await writeFile(script, withoutImpossibleDrops(text, present.partDrops), { mode: 0o600 });
    const copied: CopiedSchema = { entries: chosen.entries, leftOut: chosen.leftOut };
    await recordCopy(connections, copy, owner, copied, signal);
    onPart('play');
    const played = ['--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--single-transaction', `--file=${script}`];
    await tools.run('psql', played, { url: await urlOf(target), application, signal });
    return copied;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
