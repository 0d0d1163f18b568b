import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy whose connections stand still once the server has sent so much over one of them: the middle of a copy, for as long as a test wants. */
export interface StallingProxy {
  port: number;
  /** Whether a connection stands still now. */
  stalled: () => boolean;
  /** Lets everything through from now on. */
  release: () => void;
  /** Stalls new connections again. */
  stallAfter: (bytes: number) => void;
  close: () => Promise<void>;
}

export async function startStallingProxy(toPort: number): Promise<StallingProxy> {
  let limit = Number.POSITIVE_INFINITY;
  const waiting = new Set<() => void>();
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    const resume = (): void => void far.resume();
    let sent = 0;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        waiting.delete(resume);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      sent += chunk.length;
      if (!near.write(chunk)) {
        far.pause();
        near.once('drain', () => !waiting.has(resume) && far.resume());
      }
      if (sent > limit) {
        far.pause();
        waiting.add(resume);
      }
    });
    far.on('end', () => near.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stalled: () => waiting.size > 0,
    release() {
      limit = Number.POSITIVE_INFINITY;
      for (const resume of [...waiting]) {
        waiting.delete(resume);
        resume();
      }
    },
    stallAfter(bytes) {
      limit = bytes;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
