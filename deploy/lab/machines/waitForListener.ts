import { connect, type NetConnectOpts } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const pauseMs = 25;
const attemptLimitMs = 2000;

/** Whether something accepts connections there, now. */
export function accepts(target: NetConnectOpts): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: attemptLimitMs });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

export interface ListenerWait {
  limitMs: number;
  /** What is waited for, for the message. */
  what: string;
  /** Whether waiting still makes sense, for example because the process still runs. Default: always. */
  alive?: () => boolean;
}

async function waitFor(target: NetConnectOpts, place: string, { limitMs, what, alive }: ListenerWait): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await accepts(target))) {
    if (alive && !alive()) throw new Error(`${what} ended before it listened on ${place}`);
    if (Date.now() > deadline) throw new Error(`${what}: nothing listens on ${place} after ${limitMs / 1000} s`);
    await sleep(pauseMs);
  }
}

/** Waits until the port accepts connections. */
export async function waitForPort({ address, port, ...wait }: { address: string; port: number } & ListenerWait): Promise<void> {
  await waitFor({ host: address, port }, `${address}:${port}`, wait);
}

/** The same for a UNIX socket. */
export async function waitForSocket({ path, ...wait }: { path: string } & ListenerWait): Promise<void> {
  await waitFor({ path }, path, wait);
}
