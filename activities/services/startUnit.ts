import { sleep } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { ServiceChange, ServiceState } from './services.contract.ts';
import { describeState, readState, untilSo, type UnitAtWork } from './serviceState.ts';

/** After this time a unit that was started and is still not even starting has ended again. */
const takesOffWithinMs = 3_000;
const secondLookAfterMs = 1_000;

/** Orders the start once and waits until the unit runs with its ports open, at two looks: a start whose process dies soon is no start. */
export async function startUnit(work: UnitAtWork): Promise<ServiceChange> {
  const { host, unit, ports, limitSeconds, manager } = work;
  const place = `${unit} on ${host.ref.name}`;
  let orderedMs: number | undefined;
  let looks = 0;

  const notStarted = async (state: ServiceState, how: string): Promise<Error> => {
    const words = await manager.lastWords();
    const facts = { host: host.ref.name, unit, condition: state.condition, ports: state.ports };
    return failure('ServiceNotStarted', `${place} ${how}: ${describeState(state)}${words === '' ? '' : `; it said: ${words}`}`, facts);
  };

  const { reached, ...change } = await untilSo(work, async (state, leftSeconds) => {
    looks += 1;
    if (runs(state)) {
      if (looks === 1) return true;
      await sleep(secondLookAfterMs);
      return runs(await readState(host, manager, ports));
    }
    if (state.condition === 'stopped' || state.condition === 'failed') {
      const sinceOrderMs = orderedMs === undefined ? undefined : performance.now() - orderedMs;
      if (sinceOrderMs !== undefined && (state.condition === 'failed' || sinceOrderMs > takesOffWithinMs))
        throw await notStarted(state, 'was started and ended again');
      if (orderedMs === undefined && leftSeconds > 0) {
        await manager.start(leftSeconds);
        orderedMs = performance.now();
      }
    }
    // A unit that is stopping is waited for: supervisord takes no order for it, systemd would queue it.
    return false;
  });
  if (!reached) throw await notStarted(change.state, `was not started within ${limitSeconds} s`);
  return change;
}

function runs({ condition, ports }: ServiceState): boolean {
  return condition === 'running' && ports.every(({ open }) => open);
}
