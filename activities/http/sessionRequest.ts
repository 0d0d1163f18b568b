import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

import { ConnectionRefused, type Host } from '../hosts/host.ts';
import { unlessAborted } from '../tools/unlessAborted.ts';
import { createCookieJar } from './cookieJar.ts';
import { HostAgent } from './hostAgent.ts';
import { secure } from './secureConnection.ts';
import type { SecureContext } from 'node:tls';

const redirectsMax = 10;
const pageBytesMax = 8 * 1024 * 1024;

export interface SessionPage {
  status: number;
  url: URL;
  redirects: string[];
  bytes: number;
  text: string;
}

export interface SessionRequest {
  url: URL;
  headers: Record<string, string>;
  /** An encoded form. */
  body: string | undefined;
}

/** One browser, as far as it matters here: cookies, redirects, kept connections, the page before as Referer. */
export interface Browser {
  /** Rejects with the signal's reason, or an error whose message says why there is no page. */
  ask(request: SessionRequest, signal: AbortSignal): Promise<SessionPage>;
  close(): void;
}

/** @param host whose point of view; undefined: the worker's. */
export function openBrowser(host: Host | undefined, secureContext: SecureContext): Browser {
  const jar = createCookieJar();
  const agents = new Map<string, HostAgent>();
  let before: URL | undefined;

  const agentFor = (url: URL): HostAgent => {
    const known = agents.get(url.origin);
    if (known) return known;
    const name = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    const agent = new HostAgent(async (closing) => {
      const connection = await (host ? host.connect(port, name) : connectFromHere(port, name, closing));
      return url.protocol === 'https:' ? secure(connection, secureContext, name, closing) : connection;
    });
    agents.set(url.origin, agent);
    return agent;
  };

  const send = async ({ url, headers, body }: SessionRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const cookie = jar.headerFor(url);
    const sent = httpRequest({
      ...{ agent: agentFor(url), path: `${url.pathname}${url.search}`, method: body === undefined ? 'GET' : 'POST', signal },
      headers: {
        ...{ host: url.host, accept: '*/*' },
        ...(before?.origin === url.origin ? { referer: before.href } : {}),
        ...(body === undefined
          ? {}
          : { origin: url.origin, 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
        ...(cookie === '' ? {} : { cookie }),
        ...headers,
      },
    });
    sent.once('response', resolve);
    sent.on('error', reject);
    sent.once('close', () => reject(new Error('the connection closed before an answer')));
    sent.end(body);
    // A request without a connection yet does not heed its signal.
    return unlessAborted(promise, [signal]);
  };

  return {
    async ask(request, signal) {
      const redirects: string[] = [];
      for (let { url, headers, body } = request; ;) {
        const response = await send({ url, headers, body }, signal).catch((error: unknown) => {
          throw signal.aborted ? signal.reason : whyNot(error);
        });
        jar.keep(url, response.headers['set-cookie'] ?? []);
        const status = response.statusCode ?? 0;
        const { location } = response.headers;
        const next = location !== undefined && [301, 302, 303, 307, 308].includes(status) ? URL.parse(location, url.href) : null;
        const read = await readText(response).catch((error: unknown) => {
          throw signal.aborted ? signal.reason : whyNot(error);
        });
        before = url;
        if (!next) return { status, url, redirects, ...read };
        redirects.push(next.href);
        if (redirects.length > redirectsMax) throw new Error(`more than ${redirectsMax} redirects`);
        if (!/^https?:$/.test(next.protocol)) throw new Error(`a redirect to ${next.protocol}`);
        // What was meant for one server is not told to another.
        if (next.origin !== url.origin) headers = {};
        if (status !== 307 && status !== 308) body = undefined;
        else if (next.origin !== url.origin && body !== undefined) throw new Error(`the form would be sent on to ${next.origin}`);
        url = next;
      }
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

async function connectFromHere(port: number, name: string, signal: AbortSignal): Promise<Duplex> {
  const socket = connect({ port, host: name, noDelay: true });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.on('error', () => {}).destroy();
    throw error;
  }
}

async function readText(response: IncomingMessage): Promise<Pick<SessionPage, 'bytes' | 'text'>> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop closes the connection.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > pageBytesMax) break;
  }
  return { bytes, text: Buffer.concat(chunks).toString('utf8') };
}

function whyNot(error: unknown): Error {
  const { code, message = String(error) } = error as { code?: string; message?: string };
  return new Error(
    error instanceof ConnectionRefused || code === 'ECONNREFUSED' ? 'connection refused' : [code, message].filter(Boolean).join(': '),
  );
}
