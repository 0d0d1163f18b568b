import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface TestServer {
  port: number;
  /** Connections accepted so far, and those open now. */
  connections: { accepted: number; open: number };
  stop(): Promise<void>;
}

/** A real server on loopback; with `tls` over https. */
export async function startTestServer(
  listener: RequestListener,
  { port = 0, tls }: { port?: number; tls?: ServerOptions } = {},
): Promise<TestServer> {
  const server: Server = tls ? createSecureServer(tls, listener) : createServer(listener);
  const connections = { accepted: 0, open: 0 };
  server.on('connection', (socket) => {
    connections.accepted += 1;
    connections.open += 1;
    socket.once('close', () => (connections.open -= 1));
  });
  // Who closes a connection is the client's affair here.
  server.keepAliveTimeout = 0;
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
