import { request as httpRequest, type IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

import { ApplicationFailure } from '@temporalio/common';

import { failure } from '../failure.ts';
import { ConnectionRefused, type Host } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { redact, showControlCharacters } from '../tools/redact.ts';
import { unlessAborted } from '../tools/unlessAborted.ts';
import type { HostAgent } from './hostAgent.ts';
import type { HttpAnswer, HttpRequest } from './http.contract.ts';
import { readBody } from './readBody.ts';

const excerptCharactersMax = 300;

export interface Exchange {
  host: Host;
  agent: HostAgent;
  request: HttpRequest;
  accept: readonly number[];
  cancelled: AbortSignal;
  /** Less than the request's own time when a wait ends sooner. */
  timeoutSeconds?: number;
}

/** One request and its answer. Throws HttpUnreachable, HttpUnexpectedAnswer, InvalidInput, what opening the connection throws, or the cancellation. */
export async function exchange({ host, agent, request, accept, cancelled, timeoutSeconds }: Exchange): Promise<HttpAnswer> {
  const beganMs = performance.now();
  const limitSeconds = timeoutSeconds ?? request.timeoutSeconds;
  const timedOut = AbortSignal.timeout(Math.ceil(limitSeconds * 1000));
  const ended = AbortSignal.any([cancelled, timedOut]);
  let answer: HttpAnswer;
  try {
    // A request without a connection yet does not heed its signal.
    const response = await unlessAborted(send(host, agent, request, ended), [ended]);
    const body = await readBody(response);
    answer = {
      status: response.statusCode ?? 0,
      headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
      ...body,
      elapsedMs: Math.round(performance.now() - beganMs),
    };
  } catch (error) {
    if (cancelled.aborted) throw cancellationOf(cancelled);
    throw describe(host, request, timedOut.aborted ? `no answer within ${limitSeconds} s` : error);
  }
  if (accept.includes(answer.status)) return answer;
  const seen = answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json));
  const excerpt = Array.from(showControlCharacters(redact(seen.trim())))
    .slice(0, excerptCharactersMax)
    .join('');
  throw failure(
    'HttpUnexpectedAnswer',
    `${place(host, request)} answered ${answer.status} (accepted: ${accept.join(', ')}) after ${answer.elapsedMs} ms${excerpt === '' ? '' : `: ${excerpt}`}`,
    { host: host.ref.name, port: request.port, status: answer.status },
  );
}

function send(host: Host, agent: HostAgent, request: HttpRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const name = request.tls?.serverName ?? host.ref.address;
  const headers = {
    host: `${isIPv6(name) ? `[${name}]` : name}:${request.port}`,
    accept: 'application/json',
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...lowerCaseNames(request.headers ?? {}),
    // Said for every method: a GET with a body would otherwise be sent without its end being known.
    ...(body ? { 'content-length': String(body.length) } : {}),
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  try {
    const sent = httpRequest({ agent, method: request.method, path: request.path, headers, signal });
    sent.once('response', resolve);
    sent.on('error', reject);
    sent.once('close', () => reject(new Error('the connection closed before an answer')));
    sent.end(body);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!/^ERR_(INVALID|UNESCAPED|HTTP)/.test(code)) throw error;
    reject(failure('InvalidInput', `${place(host, request)} cannot be asked: ${message}`));
  }
  return promise;
}

function lowerCaseNames(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function describe(host: Host, request: HttpRequest, error: unknown): Error {
  if (error instanceof ApplicationFailure) return error;
  const facts = { host: host.ref.name, port: request.port };
  const said = error instanceof Error ? [(error as NodeJS.ErrnoException).code, error.message].filter(Boolean).join(': ') : String(error);
  const reason = error instanceof ConnectionRefused ? 'connection refused' : redact(said);
  return failure('HttpUnreachable', `${place(host, request)}: ${reason}`, facts, error);
}

function place(host: Host, { method, scheme, port, path }: HttpRequest): string {
  return `${method} ${scheme}://${host.ref.address}:${port}${redact(path.split('?')[0] ?? '')} on ${host.ref.name} (port ${port})`;
}
