import { sleep } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { ServiceChange, ServiceState } from './services.contract.ts';
import { describeState, unlessTimeIsUp, untilSo, type UnitAtWork, type Verdict } from './serviceState.ts';
import type { UnitReading } from './unitManager.ts';

/** After this time a unit that was started and is still not even starting has ended again. */
const takesOffWithinMs = 3_000;
/** A start whose process dies soon is no start. */
const mustLiveMs = 1_000;

/**
 * Orders the start once and waits until the unit runs with its ports open and has lived for a second, by its manager's word or by two looks.
 * @param waitFor `ports`: open ports of a unit that runs or starts are enough.
 */
export async function startUnit(work: UnitAtWork, waitFor: 'life' | 'ports'): Promise<ServiceChange> {
  const { host, unit, limitSeconds, manager } = work;
  const place = `${unit} on ${host.ref.name}`;
  let orderedMs: number | undefined;
  /** The process that runs, and since when at the latest. */
  let running: { processId: number | undefined; sinceMs: number } | undefined;

  const notStarted = async (state: ServiceState, how: string): Promise<Error> => {
    const words = await manager.lastWords();
    const facts = { host: host.ref.name, unit, condition: state.condition, ports: state.ports };
    return failure('ServiceNotStarted', `${place} ${how}: ${describeState(state)}${words === '' ? '' : `; it said: ${words}`}`, facts);
  };

  const lookAndOrder = async (): Promise<UnitReading | undefined> => {
    const order = waitFor === 'life' ? 'start' : 'startWithoutWaiting';
    const told = await unlessTimeIsUp(limitSeconds, async () => manager.lookAndOrder?.(order, limitSeconds));
    if (told === 'timeIsUp') {
      orderedMs = performance.now();
      return undefined;
    }
    if (told?.ordered) {
      orderedMs = performance.now();
      running = { processId: told.reading.processId, sinceMs: orderedMs - told.livedSeconds * 1000 };
    }
    return told?.reading;
  };

  const judge = async (state: ServiceState, leftSeconds: number): Promise<Verdict> => {
    const isOpen = state.ports.every(({ open }) => open);
    if (waitFor === 'ports' && isOpen && state.ports.length > 0 && (state.condition === 'running' || state.condition === 'starting'))
      return 'so';
    if (state.condition === 'running') {
      if (!running || running.processId !== state.processId) running = { processId: state.processId, sinceMs: performance.now() };
      if (!isOpen) return 'waitForPorts';
      const missingMs = mustLiveMs - (performance.now() - running.sinceMs);
      if (orderedMs === undefined || missingMs <= 0) return 'so';
      await sleep(missingMs);
      return 'look';
    }
    running = undefined;
    if (state.condition === 'stopped' || state.condition === 'failed') {
      const sinceOrderMs = orderedMs === undefined ? undefined : performance.now() - orderedMs;
      if (sinceOrderMs !== undefined && (state.condition === 'failed' || sinceOrderMs > takesOffWithinMs))
        throw await notStarted(state, 'was started and ended again');
      if (orderedMs === undefined && leftSeconds > 0) {
        await unlessTimeIsUp(leftSeconds, () => manager.start(leftSeconds));
        orderedMs = performance.now();
        return 'look';
      }
    }
    // A unit that is stopping is waited for: supervisord takes no order for it, systemd would queue it.
    return waitFor === 'ports' && state.condition === 'starting' ? 'waitForPorts' : 'wait';
  };

  const { reached, looks, ...change } = await untilSo(work, lookAndOrder, judge);
  if (!reached) throw await notStarted(change.state, `was not started within ${limitSeconds} s`);
  return { ...change, alreadySo: looks === 1 && orderedMs === undefined };
}
