import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { pipeline, type Duplex } from 'node:stream';

/** Listens on a loopback port of the worker; each connection is joined to a new one made by `connect`. */
export async function openForward(connect: () => Promise<Duplex>): Promise<{ port: number; close(): Promise<void> }> {
  const open = new Set<Duplex>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
    connect().then(
      (far) => {
        open.add(far);
        far.on('error', () => socket.destroy()).once('close', () => open.delete(far));
        if (socket.destroyed) far.destroy();
        else join(socket, far);
      },
      // The near side sees a closed connection, as it would from a port that refuses.
      () => socket.resetAndDestroy(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const stream of open) stream.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function join(near: Duplex, far: Duplex): void {
  const end = (error?: unknown): void => {
    if (!error) return;
    near.destroy();
    far.destroy();
  };
  pipeline(near, far, end);
  pipeline(far, near, end);
}
