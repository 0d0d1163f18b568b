import type pg from 'pg';

import { cancellationOf } from '../../tools/cancellation.ts';
import { postgresFailure, type Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import type { Finding, Freshness, QueryAnswer, ReplicaSides } from './checks.contract.ts';

const application = 'nightshift verify';
const shownMax = 20;
const charactersMax = 200;
const limitMinutes = 30;
/** Every value as text, not as something of JavaScript. */
const asTheServerWritesIt: pg.CustomTypesConfig = { getTypeParser: () => (value: string) => value };

export async function runQueriesOf(
  { session }: Connections,
  { target, schema }: ReplicaSides,
  queries: readonly { name: string; sql: string; minimumRows: number }[],
  signal: AbortSignal,
  onQuery: (name: string) => void,
): Promise<{ answers: QueryAnswer[]; findings: Finding[] }> {
  return session(target, { application, signal }, async (client) => {
    const answers: QueryAnswer[] = [];
    const findings: Finding[] = [];
    for (const { name, sql, minimumRows } of queries) {
      onQuery(name);
      const found = await readOnly(client, target, schema, signal, async () => {
        const declared = `declare answer no scroll cursor for ${sql.replace(/[\s;]+$/, '')}`;
        await client.query(oneStatement(declared));
        const { rows } = await client.query<Record<string, string | null>>({
          text: `fetch ${Math.max(shownMax, minimumRows)} from answer`,
          types: asTheServerWritesIt,
        });
        return rows;
      });
      if ('error' in found) findings.push({ level: 'fault', subject: name, what: `the query failed: ${found.error}` });
      else {
        const { result: rows } = found;
        answers.push({ name, minimumRows, rows: rows.length, answers: rows.slice(0, shownMax).map(shown) });
        if (rows.length < minimumRows)
          findings.push({ level: 'fault', subject: name, what: `${rows.length} rows, at least ${minimumRows} are wanted` });
      }
    }
    return { answers, findings };
  });
}

export async function checkFreshnessOf(
  { session }: Connections,
  { target, schema }: ReplicaSides,
  wanted: readonly { table: string; column: string; hoursMax: number }[],
  signal: AbortSignal,
): Promise<{ freshness: Freshness[]; findings: Finding[] }> {
  return session(target, { application, signal }, async (client) => {
    const freshness: Freshness[] = [];
    const findings: Finding[] = [];
    for (const { table, column, hoursMax } of wanted) {
      const subject = `${table}.${column}`;
      const found = await readOnly(client, target, schema, signal, async () => {
        const { rows } = await client.query<{ newest: Date | null; hours: number | null }>(
          `select newest, (extract(epoch from clock_timestamp() - newest) / 3600)::float8 as hours
           from (select max(${quoted(column)})::timestamptz as newest from ${qualified(schema, table)}) t`,
        );
        return rows[0] ?? { newest: null, hours: null };
      });
      if ('error' in found) {
        findings.push({ level: 'fault', subject, what: `its age cannot be read: ${found.error}` });
        continue;
      }
      const { newest, hours } = found.result;
      freshness.push({
        table,
        column,
        hoursMax,
        newest: newest?.toISOString() ?? null,
        hours: hours === null ? null : Math.round(hours * 10) / 10,
      });
      if (newest === null || hours === null) findings.push({ level: 'fault', subject, what: 'has no value' });
      else if (hours > hoursMax)
        findings.push({
          level: 'fault',
          subject,
          what: `the newest is of ${newest.toISOString()}, ${hours.toFixed(1)} hours old; at most ${hoursMax} are allowed`,
        });
    }
    return { freshness, findings };
  });
}

/** What fails for good is reported; what may pass, and a cancellation, is thrown. */
async function readOnly<Result>(
  client: pg.ClientBase,
  target: ReplicaSides['target'],
  schema: string,
  signal: AbortSignal,
  read: () => Promise<Result>,
): Promise<{ result: Result } | { error: string }> {
  signal.throwIfAborted();
  await client.query('begin read only');
  try {
    // A time without zone is taken as UTC, and shown so.
    await client.query(`set local timezone = 'UTC'`);
    await client.query(`set local search_path = ${quoted(schema)}, public`);
    await client.query(`set local statement_timeout = '${limitMinutes}min'`);
    const result = await read();
    await client.query('rollback');
    return { result };
  } catch (error) {
    if (signal.aborted) throw cancellationOf(signal);
    await client.query('rollback');
    const told = postgresFailure(target, error);
    const { code } = error as { code?: string };
    // 57014: it met its own limit, and would again.
    if ((told as { nonRetryable?: boolean }).nonRetryable || code === '57014') return { error: told.message.replace(/ Remedy: .*$/s, '') };
    throw told;
  }
}

/** In this mode the server takes one statement alone: nothing can end the read-only transaction. */
function oneStatement(text: string): pg.QueryConfig {
  const config: pg.QueryConfig & { queryMode: 'extended' } = { text, queryMode: 'extended' };
  return config;
}

function shown(row: Record<string, string | null>): Record<string, string | null> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value !== null && value.length > charactersMax ? `${value.slice(0, charactersMax)}…` : value,
    ]),
  );
}
