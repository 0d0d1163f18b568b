import { request as sendHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as sendHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

import { failure } from '../failure.ts';
import { ConnectionRefused, type Host, type ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import type { HttpAnswer, HttpRequest } from './http.contract.ts';

const jsonBytesMax = 256 * 1024;
const textCharactersMax = 2_000;

/**
 * One request over a connection made from the host's point of view. Any status is an answer.
 * Throws HttpUnreachable (refused, reset, no answer in time); an aborted signal throws its cancellation.
 */
export async function sendRequest(
  host: Host,
  resolveSecret: ResolveSecret,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const beganMs = performance.now();
  const limit = AbortSignal.timeout(request.timeoutSeconds * 1000);
  const place = `${request.method} ${request.scheme}://${host.ref.name}:${request.port}${request.path}`;
  let socket: Duplex | undefined;
  try {
    socket = await open(host, resolveSecret, request);
    const response = await exchange(socket, host, request, AbortSignal.any([signal, limit]));
    const body = await readBody(response, jsonBytesMax);
    return {
      status: response.statusCode ?? 0,
      headers: headersOf(response),
      ...bodyOf(body),
      elapsedMs: Math.round(performance.now() - beganMs),
    };
  } catch (error) {
    if (signal.aborted) throw cancellationOf(signal);
    if (limit.aborted) throw failure('HttpUnreachable', `${place}: no answer within ${request.timeoutSeconds} s`);
    if (error instanceof ConnectionRefused) throw failure('HttpUnreachable', `${place}: connection refused`);
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      throw failure('HttpUnreachable', `${place}: ${error.message} (${error.code})`);
    throw error;
  } finally {
    socket?.destroy();
  }
}

async function open(host: Host, resolveSecret: ResolveSecret, { scheme, port, tls = {} }: HttpRequest): Promise<Duplex> {
  const plain = await host.connect(port);
  if (scheme === 'http') return plain;
  const secret = async (name: string | undefined): Promise<string | undefined> => (name === undefined ? undefined : resolveSecret(name));
  const [cert, key, ca] = await Promise.all([secret(tls.certificate), secret(tls.key), secret(tls.authority)]);
  const serverName = tls.serverName ?? host.ref.name;
  return connectTls({ socket: plain, servername: serverName, ...(cert ? { cert } : {}), ...(key ? { key } : {}), ...(ca ? { ca } : {}) });
}

function exchange(
  socket: Duplex,
  host: Host,
  { method, path, headers = {}, body, scheme, port }: HttpRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const options: RequestOptions = {
    method,
    path,
    signal,
    host: host.ref.address,
    port,
    createConnection: () => socket,
    headers: {
      accept: 'application/json',
      connection: 'close',
      ...headers,
      // A body of a GET has no length of its own accord, and VITAM's queries are GETs with a body.
      ...(text === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    },
  };
  return new Promise((resolve, reject) => {
    const sending = (scheme === 'https' ? sendHttps : sendHttp)(options, resolve);
    sending.on('error', reject);
    sending.end(text);
  });
}

/** At most `bytesMax` and one more byte, so that a longer body is known as such. */
async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > bytesMax) break;
  }
  return Buffer.concat(chunks).subarray(0, bytesMax + 1);
}

function bodyOf(body: Buffer): Pick<HttpAnswer, 'json' | 'text'> {
  if (body.length === 0) return {};
  const text = body.toString('utf8');
  if (body.length <= jsonBytesMax) {
    try {
      return { json: JSON.parse(text) as unknown };
    } catch {
      // Not JSON: told as text.
    }
  }
  return { text: text.slice(0, textCharactersMax) };
}

function headersOf(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  );
}
