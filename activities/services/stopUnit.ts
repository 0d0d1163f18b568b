import { failure } from '../failure.ts';
import type { ServiceChange, ServiceCondition, ServiceState } from './services.contract.ts';
import { describeState, unlessTimeIsUp, untilSo, type UnitAtWork, type Verdict } from './serviceState.ts';
import type { UnitReading } from './unitManager.ts';

/** Orders the stop once, then waits. Never kills: what the manager does after its own time-out is the manager's configuration. */
export async function stopUnit(work: UnitAtWork, acceptedConditions: readonly ServiceCondition[]): Promise<ServiceChange> {
  const { host, unit, limitSeconds, manager } = work;
  const place = `${unit} on ${host.ref.name}`;
  const facts = (state: ServiceState): Record<string, unknown> => ({
    host: host.ref.name,
    unit,
    condition: state.condition,
    ports: state.ports,
  });
  let ordered = false;

  const lookAndOrder = async (): Promise<UnitReading | undefined> => {
    const told = await unlessTimeIsUp(limitSeconds, async () => manager.lookAndOrder?.('stop', limitSeconds));
    if (told === 'timeIsUp') ordered = true;
    else if (told) {
      ordered = told.ordered;
      return told.reading;
    }
    return undefined;
  };

  const judge = async (state: ServiceState, leftSeconds: number): Promise<Verdict> => {
    const hasEnded = state.condition === 'stopped' || state.condition === 'failed';
    if (hasEnded && !acceptedConditions.includes(state.condition)) {
      const words = await manager.lastWords();
      throw failure(
        'ServiceNotStopped',
        `${place} did not end cleanly: ${describeState(state)}${words === '' ? '' : `; it said: ${words}`}`,
        facts(state),
      );
    }
    if (acceptedConditions.includes(state.condition) && state.ports.every(({ open }) => !open)) return 'so';
    if (!ordered && (state.condition === 'running' || state.condition === 'starting') && leftSeconds > 0) {
      ordered = true;
      await unlessTimeIsUp(leftSeconds, () => manager.stop(leftSeconds));
      return 'look';
    }
    return 'wait';
  };

  const { reached, looks, ...change } = await untilSo(work, lookAndOrder, judge);
  if (!reached)
    throw failure(
      'ServiceNotStopped',
      `${place} was not stopped within ${limitSeconds} s: ${describeState(change.state)}`,
      facts(change.state),
    );
  return { ...change, alreadySo: looks === 1 && !ordered };
}
