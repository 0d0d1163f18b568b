import type pg from 'pg';

import { withoutRemedy } from '../../failure.ts';
import { postgresFailure, type Connections } from '../../postgres/connections.ts';
import { qualified, quoted } from '../../postgres/identifiers.ts';
import { readRows, withColumns, type RowsRead, type RowsWanted, type TextRow } from '../../postgres/readRows.ts';
import { cancellationOf } from '../../tools/cancellation.ts';
import type { CheckQuery, Finding, Freshness, QueryAnswer, ReplicaSides } from './checks.contract.ts';

const application = 'nightshift verify';
const shownMax = 20;
const charactersMax = 200;
const limits = { bytesMax: 64_000_000, limitSeconds: 30 * 60 };

export async function runQueriesOf(
  { session }: Connections,
  sides: ReplicaSides,
  queries: readonly CheckQuery[],
  signal: AbortSignal,
  onQuery: (name: string) => void,
): Promise<{ answers: QueryAnswer[]; findings: Finding[] }> {
  return session(sides.target, { application, signal }, async (client) => {
    const answers: QueryAnswer[] = [];
    const findings: Finding[] = [];
    for (const { name, sql, minimumRows, showRows = false } of queries) {
      onQuery(name);
      const found = await readAnswer(client, sides, signal, { sql, rowsMax: Math.max(shownMax, minimumRows), parse: shown });
      if ('error' in found) findings.push({ level: 'fault', subject: name, what: `the query failed: ${found.error}` });
      else {
        const { rows, columns } = found;
        answers.push({ name, minimumRows, rows: rows.length, columns, answers: showRows ? rows.slice(0, shownMax) : [] });
        if (rows.length < minimumRows)
          findings.push({ level: 'fault', subject: name, what: `${rows.length} rows, at least ${minimumRows} are wanted` });
      }
    }
    return { answers, findings };
  });
}

export async function checkFreshnessOf(
  { session }: Connections,
  sides: ReplicaSides,
  wanted: readonly { table: string; column: string; hoursMax: number }[],
  signal: AbortSignal,
): Promise<{ freshness: Freshness[]; findings: Finding[] }> {
  return session(sides.target, { application, signal }, async (client) => {
    const freshness: Freshness[] = [];
    const findings: Finding[] = [];
    for (const { table, column, hoursMax } of wanted) {
      const subject = `${table}.${column}`;
      const found = await readAnswer(client, sides, signal, {
        sql: `select to_char(newest, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as newest, extract(epoch from clock_timestamp() - newest) / 3600 as hours
              from (select max(${quoted(column)})::timestamptz as newest from ${qualified(sides.schema, table)}) t`,
        rowsMax: 1,
        parse: withColumns('newest', 'hours'),
      });
      if ('error' in found) {
        findings.push({ level: 'fault', subject, what: `its age cannot be read: ${found.error}` });
        continue;
      }
      const [{ newest, hours: age } = { newest: null, hours: null }] = found.rows;
      const hours = age === null ? null : Number(age);
      freshness.push({ table, column, hoursMax, newest, hours: hours === null ? null : Math.round(hours * 10) / 10 });
      if (newest === null || hours === null) findings.push({ level: 'fault', subject, what: 'has no value' });
      else if (hours > hoursMax)
        findings.push({
          level: 'fault',
          subject,
          what: `the newest is of ${newest}, ${hours.toFixed(1)} hours old; at most ${hoursMax} are allowed`,
        });
    }
    return { freshness, findings };
  });
}

/** What fails for good is reported; what may pass, and a cancellation, is thrown. */
async function readAnswer<Row>(
  client: pg.ClientBase,
  { target, schema }: ReplicaSides,
  signal: AbortSignal,
  wanted: Pick<RowsWanted<Row>, 'sql' | 'rowsMax' | 'parse'>,
): Promise<RowsRead<Row> | { error: string }> {
  signal.throwIfAborted();
  try {
    return await readRows(client, { ...wanted, ...limits, searchPath: `${quoted(schema)}, public` });
  } catch (error) {
    if (signal.aborted) throw cancellationOf(signal);
    const told = postgresFailure(target, error);
    // 57014: it met its own limit, and would again.
    if ((told as { nonRetryable?: boolean }).nonRetryable || (error as { code?: string }).code === '57014')
      return { error: withoutRemedy(told.message) };
    throw told;
  }
}

function shown(row: TextRow): TextRow {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      value !== null && value.length > charactersMax ? `${value.slice(0, charactersMax)}…` : value,
    ]),
  );
}
