import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';

export interface ReceivedRequest {
  method: string;
  /** Without query. */
  path: string;
  query: Record<string, string>;
  /** Lower-case names. */
  headers: IncomingHttpHeaders;
  body: string;
  /** ISO time. */
  receivedAt: string;
}

export interface StandInReply {
  status: number;
  /** JSON value; a string goes as it is. */
  body?: unknown;
  headers?: Record<string, string>;
  afterMs?: number;
  /** Sends half of the body and nothing more, with the connection open. */
  stalls?: boolean;
}

/** What is asked: a reply, or silence with the connection open. */
export type Answer<Faults> = (request: ReceivedRequest, faults: Faults) => StandInReply | 'never';

/** A stand-in of the lab for a service that Pix has elsewhere. Over HTTP: PUT /lab/faults, GET /lab/requests. */
export interface PixStandIn<Faults extends object> {
  /** Address without a path, for example http://127.0.0.1:4321. */
  url: string;
  port: number;
  /** Replaces all faults; `{}` ends them. */
  set: (faults: Faults) => void;
  /** All that were received, in order, those of /lab aside. */
  requests: ReceivedRequest[];
  /** Ends it with all its connections. */
  stop: () => Promise<void>;
}

export interface StandInPlace {
  /** Default: a free one. */
  port?: number;
  /** Default 127.0.0.1. */
  address?: string;
}

const isJson = { 'content-type': 'application/json; charset=utf-8' };

export async function startStandIn<Faults extends object>(
  answer: Answer<Faults>,
  initial: Faults,
  { port = 0, address = '127.0.0.1' }: StandInPlace = {},
): Promise<PixStandIn<Faults>> {
  const requests: ReceivedRequest[] = [];
  const stopping = new AbortController();
  let faults = initial;

  function control({ method, path, body }: ReceivedRequest): StandInReply {
    if (path === '/lab/requests' && method === 'GET') return { status: 200, body: requests };
    if (path !== '/lab/faults' || method !== 'PUT') return { status: 404, body: { error: 'PUT /lab/faults or GET /lab/requests' } };
    faults = JSON.parse(body) as Faults;
    return { status: 200, body: faults };
  }

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = new URL(incoming.url ?? '/', 'http://lab');
    const request: ReceivedRequest = {
      method: incoming.method ?? 'GET',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: incoming.headers,
      body: await text(incoming),
      receivedAt: new Date().toISOString(),
    };
    if (request.path.startsWith('/lab/')) return send(outgoing, control(request));
    requests.push(request);
    const reply = answer(request, faults);
    if (reply === 'never') return;
    if (reply.afterMs) await pause(reply.afterMs, undefined, { signal: stopping.signal });
    send(outgoing, reply);
  }

  const server = createServer((incoming, outgoing) => {
    // The caller went away, or the stand-in stops: nobody waits for an answer.
    serve(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.listen(port, address);
  await once(server, 'listening');
  const taken = (server.address() as AddressInfo).port;
  return {
    url: `http://${address}:${taken}`,
    port: taken,
    set: (changed) => {
      faults = changed;
    },
    requests,
    stop: async () => {
      if (!server.listening) return;
      stopping.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function send(outgoing: ServerResponse, { status, body, headers, stalls }: StandInReply): void {
  const whole = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  outgoing.writeHead(status, { ...isJson, ...headers, 'content-length': String(Buffer.byteLength(whole)) });
  if (!stalls) outgoing.end(whole);
  else outgoing.write(whole.slice(0, Math.floor(whole.length / 2)));
}
