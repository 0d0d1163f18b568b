import { setTimeout as pause } from 'node:timers/promises';

import pg from 'pg';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { redact } from '../tools/redact.ts';
import type { PostgresRef } from './postgres.contract.ts';

export interface Session {
  /** Shown in pg_stat_activity, so that an administrator sees whose it is. */
  application: string;
  /** Cancels the statement under way and ends the session; whoever asked for it is told when the server has ended it too. */
  signal?: AbortSignal;
}

export interface Connections {
  /** Runs the work in a session of its own, ended afterwards whatever happened. Errors become failures of the catalogue. */
  session: <Result>(server: PostgresRef, options: Session, work: (client: pg.Client) => Promise<Result>) => Promise<Result>;
  /** The URL itself, for client tools: never to be logged or passed as an argument. */
  urlOf: (server: PostgresRef) => Promise<string>;
}

const connectMs = 15_000;
/** Limits that an administrator set for people's sessions are not for work of hours; and a statement whose client is gone ends soon (from version 14 on). */
const ourSettings = `select set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false),
  (select set_config(name, '2s', false) from pg_settings where name = 'client_connection_check_interval')`;

export function createConnections(resolveSecret: ResolveSecret): Connections {
  const urlOf = async (server: PostgresRef): Promise<string> => {
    const url = await resolveSecret(server.url);
    if (!/^postgres(ql)?:\/\//.test(url))
      throw failure(
        'InvalidInput',
        `secret "${server.url}" of the ${server.name} is not a PostgreSQL URL (postgres://user:password@host:port/database)`,
      );
    return url;
  };
  const open = async (server: PostgresRef, application: string): Promise<pg.Client> => {
    const client = new pg.Client({
      connectionString: await urlOf(server),
      application_name: application.slice(0, 63),
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
    });
    // A connection that breaks between two statements is told by the next one.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query(ourSettings);
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw postgresFailure(server, error);
    }
  };
  return {
    urlOf,
    async session(server, { application, signal }, work) {
      signal?.throwIfAborted();
      const client = await open(server, application);
      let cancelling: Promise<void> | undefined;
      const abort = (): void => {
        cancelling = cancelBackend(client, () => open(server, `${application} cancel`));
      };
      signal?.addEventListener('abort', abort, { once: true });
      try {
        // It may have come while the connection was made.
        signal?.throwIfAborted();
        return await work(client);
      } catch (error) {
        if (signal?.aborted) throw cancellationOf(signal);
        throw postgresFailure(server, error);
      } finally {
        signal?.removeEventListener('abort', abort);
        await cancelling;
        await ended(client);
      }
    },
  };
}

/**
 * The backend's statement is cancelled from another session; then the connection is cut, whatever came of it. Resolves when the backend has gone: a COMMIT that was
 * on its way has been done by then or never will be, and nothing that tidies up afterwards can come before it.
 */
async function cancelBackend(client: pg.Client, openOther: () => Promise<pg.Client>): Promise<void> {
  const { processID } = client as unknown as { processID: number | null };
  try {
    if (processID === null) return;
    const other = await openOther();
    try {
      await other.query('select pg_cancel_backend($1)', [processID]);
      cut(client);
      await untilGone(async () => (await other.query('select from pg_stat_activity where pid = $1', [processID])).rows.length === 0);
    } finally {
      await ended(other);
    }
  } catch {
    // The cut below ends the session too, within the server's check interval.
  } finally {
    cut(client);
  }
}

/** A server ends a session within milliseconds of being told to. */
const goneMaxMs = 30_000;
const lookMs = 20;

/** Looks until the sessions have gone from the server, at most 30 s; then it is left at that. */
export async function untilGone(look: () => Promise<boolean>): Promise<void> {
  for (const beganMs = performance.now(); performance.now() - beganMs < goneMaxMs; await pause(lookMs)) if (await look()) return;
}

function cut(client: pg.Client): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

async function ended(client: pg.Client): Promise<void> {
  const end = client.end().catch(() => undefined);
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    cut(client);
    resolve();
  }, 5_000);
  await Promise.race([end, late]);
  clearTimeout(timer);
}

const unreachableCodes = new Set([
  '57P01',
  '57P02',
  '57P03',
  '53300',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EPIPE',
  'EAI_AGAIN',
]);

/** An error of the driver or the server as a failure of the catalogue; failures pass. The message names server, SQLSTATE and what the server said. */
export function postgresFailure(server: PostgresRef, error: unknown): Error {
  if (!(error instanceof Error)) return failure('PostgresFailed', `${server.name}: ${String(error)}`);
  if (error.name === 'ApplicationFailure' || error.name === 'CancelledFailure' || error.name === 'AbortError') return error;
  const { code, detail, hint, where } = error as { code?: string; detail?: string; hint?: string; where?: string };
  const message = redact(
    [`${server.name}: ${error.message}`, code ? `(${code})` : '', detail ?? '', hint ?? '', where ? `in ${where}` : '']
      .filter(Boolean)
      .join(' ')
      .slice(0, 1500),
  );
  const facts = { server: server.name, code: code ?? null };
  // On a standby it also ends sessions: before "terminating connection" is taken for a server that is down.
  if (code === '40001') return failure('PostgresBusy', message, facts);
  if (code === '28P01' || code === '28000' || code === '3D000') return failure('CredentialsRejected', message, facts);
  if (
    code?.startsWith('08') ||
    (code && unreachableCodes.has(code)) ||
    /Connection terminated|timeout expired|terminating connection|connection error and is not queryable/i.test(error.message)
  )
    return failure('PostgresUnreachable', message, facts);
  if (code === '53100') return failure('DiskSpaceInsufficient', message, facts);
  // Deadlock, serialization, lock not available, out of memory: another try may pass.
  if (code && ['40P01', '55P03', '53200', '57014'].includes(code)) return failure('PostgresBusy', message, facts);
  return failure('PostgresFailed', message, facts);
}
