import { startTcpProxy, type TcpProxy } from './tcpProxy.ts';

/** A TCP proxy before a PostgreSQL server that can cut a connection between a COMMIT, which the server has done, and its answer. */
export interface LosingProxy extends TcpProxy {
  /** The next COMMIT loses its answer. */
  loseAnswer: () => void;
  /** How many were lost. */
  lost: () => number;
}

/** A simple query of that one word, as the last message of what a client sends. */
const commit = /Q[^]{4}commit;?\0$/i;

export async function startLosingProxy(toPort: number): Promise<LosingProxy> {
  let armed = false;
  let lost = 0;
  const proxy = await startTcpProxy(toPort, (near, far) => {
    let loses = false;
    near.on('data', (chunk: Buffer) => {
      if (armed && commit.test(chunk.toString('latin1'))) {
        armed = false;
        loses = true;
        lost += 1;
      }
      far.write(chunk);
    });
    far.on('data', (chunk: Buffer) => {
      if (!loses) return void near.write(chunk);
      near.destroy();
      far.destroy();
    });
  });
  return { ...proxy, loseAnswer: () => (armed = true), lost: () => lost };
}
