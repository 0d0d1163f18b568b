import { ownSchemas } from '../warehouse.contract.ts';
import { failure } from '../../failure.ts';
import { postgresFailure, type Connections } from '../../postgres/connections.ts';
import { literal, quoted } from '../../postgres/identifiers.ts';
import { type BesideCopy, type WorkItem } from './beside.contract.ts';
import { listCheckpoints, readStatements, writeCheckpoint } from './bookkeeping.ts';
import { applicationOf } from '../sessionNames.ts';

/** Runs the item's statements on the target, each in one transaction with its checkpoint: an index that stands is not built again. */
export async function runStatementsOf(
  { session }: Connections,
  copy: BesideCopy,
  options: {
    item: WorkItem;
    memoryMegabytes: number;
    workers: number;
    signal: AbortSignal;
    progress: { done: number; of: number; statement: string };
  },
): Promise<{ done: number; skipped: number }> {
  const { item, progress } = options;
  return session(copy.target, { application: applicationOf(copy, item.id), signal: options.signal }, async (target) => {
    const finished = await listCheckpoints(target, copy, 'statement/');
    const statements = await readStatements(target, copy, item.statements);
    // A person's long reading is no reason to stand for ever: nobody but us uses the schema.
    await target.query("set lock_timeout = '5min'");
    await target.query(`set maintenance_work_mem = ${literal(`${options.memoryMegabytes}MB`)}`);
    await target.query(`set max_parallel_maintenance_workers = ${Math.trunc(options.workers)}`);
    await target.query('set synchronous_commit = off');
    // As in a dump; triggers and materialized views find their own schema first.
    await target.query(`set search_path = ''`);
    await target.query('set check_function_bodies = off');
    let [done, skipped] = [0, 0];
    for (const number of item.statements) {
      const sql = statements.get(number);
      if (sql === undefined)
        throw failure('PostgresFailed', `statement ${number} of run ${copy.run} is not in ${quoted(ownSchemas.bookkeeping)}`);
      progress.statement = sql.slice(0, 120);
      if (finished.has(`statement/${number}`)) skipped += 1;
      else {
        await target.query('begin');
        try {
          await target.query(sql);
        } catch (error) {
          const told = postgresFailure(copy.target, error);
          if (told.name === 'ApplicationFailure' && (told as { type?: string }).type === 'PostgresFailed')
            throw failure('PostgresFailed', `${told.message} while running: ${sql.slice(0, 300)}`, {}, error);
          throw error;
        }
        await writeCheckpoint(target, copy, `statement/${number}`);
        await target.query('commit');
        done += 1;
      }
      progress.done += 1;
    }
    return { done, skipped };
  });
}
