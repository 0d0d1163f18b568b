import { inspectBesideOf } from '../beside/inspect.ts';
import { applicationOf } from '../sessionNames.ts';
import { quoted } from '../../postgres/identifiers.ts';
import { openDump, type InPlaceContext } from './dump.ts';
import { findRoom, findWorkRoom } from '../findRoom.ts';
import type { RoomLimits } from '../warehouse.contract.ts';
import { goingOf } from './objectsToDrop.ts';
import type { InPlaceCopy, InPlaceInspection } from './inPlace.contract.ts';
import { readSourceFacts } from './sourceFacts.ts';
import { otherRuns, readJson, workFilesOf, type DumpMarker } from './workFiles.ts';

/** The faults of either mode (rights, versions, one database, a lost setting), what this mode cannot give back, and what it will cut. */
export async function inspectInPlaceOf(
  context: InPlaceContext,
  copy: InPlaceCopy,
  { limits, signal }: { limits: RoomLimits | undefined; signal: AbortSignal },
): Promise<InPlaceInspection> {
  const { connections, tools } = context;
  const { source, target, tables, faults, warnings } = await inspectBesideOf(connections, await tools.version(), copy, signal);
  if (faults.length === 0) {
    const dump = await openDump(context, copy);
    const wanted = new Set((dump?.facts ?? (await readSourceFacts(connections, copy, signal))).wanted);
    const going = await connections.session(copy.target, { application: applicationOf(copy, 'inspect'), signal }, async (client) => {
      await client.query("set search_path = ''");
      return goingOf(client, copy, wanted);
    });
    faults.push(...going.obstacles);
    for (const { words } of going.cut)
      warnings.push(`foreign key ${words} is dropped and not created again: it links a table that stays to a replaced one`);
    for (const { name } of going.views) warnings.push(`${name} is missing until the restore has ended; then it is created again`);
    faults.push(...(await viewsOverAbsent(context, copy, signal)));
    // A dump that lies there needs no room any more.
    const room = dump || !limits ? [] : [await findWorkRoom(connections, copy, limits, { workDirectory: context.workDirectory, signal })];
    if (limits) room.push(await findRoom(connections, copy, limits, { inPlace: true, signal }));
    faults.push(...room.flatMap((each) => each.faults));
    warnings.push(...room.flatMap((each) => each.warnings));
  }
  return { source, target, tables, faults, warnings, keptDumps: await keptDumps(context, copy) };
}

/** A view over a kept table that the target does not have could not be restored: reported before anything is dropped. */
async function viewsOverAbsent({ connections: { session } }: InPlaceContext, copy: InPlaceCopy, signal: AbortSignal): Promise<string[]> {
  if (copy.kept.length === 0) return [];
  const application = applicationOf(copy, 'inspect');
  const { rows: used } = await session(copy.source, { application, signal }, (client) =>
    client.query<{ view: string; table: string }>(
      `select distinct v.relname as view, t.relname as table from pg_depend d join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
         join pg_class v on v.oid = r.ev_class join pg_class t on t.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
       where v.relnamespace = $1::regnamespace and t.relnamespace = $1::regnamespace and t.relname = any($2::text[]) and v.oid <> t.oid and v.relname <> all($2::text[])`,
      [quoted(copy.schema), copy.kept],
    ),
  );
  const { rows: there } = await session(copy.target, { application, signal }, (client) =>
    client.query<{ name: string }>(
      'select relname as name from pg_class where relnamespace = $1::regnamespace and relname = any($2::text[])',
      [quoted(copy.schema), copy.kept],
    ),
  );
  const present = new Set(there.map(({ name }) => name));
  return used
    .filter(({ table }) => !present.has(table))
    .map(({ view, table }) => `source: view ${view} reads table ${table}, which is kept and does not exist on the target`);
}

async function keptDumps({ workDirectory }: InPlaceContext, copy: InPlaceCopy): Promise<string[]> {
  const found: string[] = [];
  for (const run of await otherRuns(workDirectory, copy)) {
    const marker = await readJson<DumpMarker>(workFilesOf(workDirectory, { replica: copy.replica, run }).marker);
    if (marker) found.push(`${(marker.sizeBytes / 1e6).toFixed(1)} MB of run ${run}, begun ${marker.begunAt}`);
  }
  return found;
}
