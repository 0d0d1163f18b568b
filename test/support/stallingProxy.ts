import { startTcpProxy, type TcpProxy } from './tcpProxy.ts';

/** A TCP proxy whose connections stand still once the server has sent so much over one of them: the middle of a copy, for as long as a test wants. */
export interface StallingProxy extends TcpProxy {
  /** Whether a connection stands still now. */
  stalled: () => boolean;
  /** Lets everything through from now on. */
  release: () => void;
  /** Stalls new connections again. */
  stallAfter: (bytes: number) => void;
}

export async function startStallingProxy(toPort: number): Promise<StallingProxy> {
  let limit = Number.POSITIVE_INFINITY;
  const waiting = new Set<() => void>();
  const proxy = await startTcpProxy(toPort, (near, far) => {
    const resume = (): void => void far.resume();
    let sent = 0;
    for (const socket of [near, far]) socket.on('close', () => waiting.delete(resume));
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
  return {
    ...proxy,
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
  };
}
