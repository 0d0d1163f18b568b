import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy before a PostgreSQL server that can cut a connection between a COMMIT, which the server has done, and its answer. */
export interface LosingProxy {
  port: number;
  /** The next COMMIT loses its answer. */
  loseAnswer: () => void;
  /** How many were lost. */
  lost: () => number;
  close: () => Promise<void>;
}

/** A simple query of that one word, as the last message of what a client sends. */
const commit = /Q[^]{4}commit;?\0$/i;

export async function startLosingProxy(toPort: number): Promise<LosingProxy> {
  let armed = false;
  let lost = 0;
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    let loses = false;
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    near.on('data', (chunk: Buffer) => {
      if (armed && commit.test(chunk.toString('latin1'))) {
        armed = false;
        loses = true;
        lost += 1;
      }
      far.write(chunk);
    });
    far.on('data', (chunk: Buffer) => (loses ? cut() : near.write(chunk)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswer: () => (armed = true),
    lost: () => lost,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
