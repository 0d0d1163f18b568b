import { sleep } from '@temporalio/activity';

import { ConnectionRefused, type Host } from '../hosts/host.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { ServiceChange, ServiceState } from './services.contract.ts';
import type { UnitManager, UnitReading } from './unitManager.ts';

export interface UnitAtWork {
  host: Host;
  unit: string;
  ports: number[];
  limitSeconds: number;
  manager: UnitManager;
}

export async function readState(host: Host, manager: UnitManager, ports: readonly number[]): Promise<ServiceState> {
  return withPorts(host, await manager.read(), ports);
}

async function withPorts(host: Host, reading: UnitReading, ports: readonly number[]): Promise<ServiceState> {
  return { ...reading, ports: await Promise.all(ports.map(async (port) => ({ port, open: await isOpen(host, port) }))) };
}

/** Only a refused connection is a closed port; other trouble on the way tells nothing and is thrown. */
async function isOpen(host: Host, port: number): Promise<boolean> {
  try {
    const connection = await host.connect(port);
    connection.on('error', () => {}).destroy();
    return true;
  } catch (error) {
    if (error instanceof ConnectionRefused) return false;
    throw error;
  }
}

const portsEveryMs = 40;

/** A port is asked in a moment, a service manager takes processor time: while a service starts its ports are asked more often. */
async function untilOpen(host: Host, ports: readonly number[], limitMs: number): Promise<void> {
  const endMs = performance.now() + limitMs;
  do {
    await sleep(portsEveryMs);
    if (ports.length > 0 && (await Promise.all(ports.map((port) => isOpen(host, port)))).every(Boolean)) return;
  } while (performance.now() < endMs);
}

const firstPauseMs = 200;
const longestPauseMs = 2_000;
const pauseGrowth = 1.4;

/** The unit is as wanted; or it is looked at again: after a pause, after a pause or when its ports are open, at once. */
export type Verdict = 'so' | 'wait' | 'waitForPorts' | 'look';

/**
 * Looks at the unit again and again, heartbeating what it says, until `act` finds it as wanted or the limit is met.
 * @param first tells the first state when the manager can look and order in one breath.
 * @param act judges a state and does what it asks for.
 */
export async function untilSo(
  { host, ports, limitSeconds, manager }: UnitAtWork,
  first: () => Promise<UnitReading | undefined>,
  act: (state: ServiceState, leftSeconds: number) => Promise<Verdict>,
): Promise<Pick<ServiceChange, 'state' | 'elapsedSeconds'> & { reached: boolean; looks: number }> {
  const beganMs = performance.now();
  let seen: ServiceState | undefined;
  const told = (): object => ({ condition: seen?.condition ?? 'unknown', said: seen?.said ?? '', elapsedSeconds: secondsSince(beganMs) });
  return withHeartbeat(told, async () => {
    let pauseMs = firstPauseMs;
    let reading = await first();
    for (let looks = 1; ; looks += 1) {
      const state = await withPorts(host, reading ?? (await manager.read()), ports);
      seen = state;
      const leftSeconds = limitSeconds - (performance.now() - beganMs) / 1000;
      const verdict = await act(state, leftSeconds);
      const reached = verdict === 'so';
      if (reached || leftSeconds <= 0) return { state, reached, looks, elapsedSeconds: secondsSince(beganMs) };
      reading = undefined;
      if (verdict === 'look') continue;
      const waitMs = Math.min(pauseMs, Math.max(leftSeconds * 1000, 50));
      await (verdict === 'waitForPorts' ? untilOpen(host, ports, waitMs) : sleep(waitMs));
      pauseMs = Math.min(pauseMs * pauseGrowth, longestPauseMs);
    }
  });
}

/** An order that takes longer than the limit is no failure of its own: the state at the limit is reported. */
export async function unlessTimeIsUp<Result>(limitSeconds: number, order: () => Promise<Result>): Promise<Result | 'timeIsUp'> {
  const beganMs = performance.now();
  try {
    return await order();
  } catch (error) {
    const tookSeconds = (performance.now() - beganMs) / 1000;
    if ((error as { type?: string }).type === 'CommandFailed' && tookSeconds >= limitSeconds) return 'timeIsUp';
    throw error;
  }
}

/** "active (running), port 9000 closed" */
export function describeState({ said, exitStatus, ports }: ServiceState): string {
  const exit = exitStatus === undefined || said.includes('exit status') ? '' : `, exit status ${exitStatus}`;
  return `${said}${exit}${ports.map(({ port, open }) => `, port ${port} ${open ? 'open' : 'closed'}`).join('')}`;
}
