import { failure } from '../failure.ts';
import type { ServiceChange, ServiceCondition, ServiceState } from './services.contract.ts';
import { describeState, untilSo, type UnitAtWork, type Verdict } from './serviceState.ts';

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

  const { reached, ...change } = await untilSo(work, async (state, leftSeconds) => {
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
      return orderStop(work, leftSeconds);
    }
    return 'wait';
  });
  if (!reached)
    throw failure(
      'ServiceNotStopped',
      `${place} was not stopped within ${limitSeconds} s: ${describeState(change.state)}`,
      facts(change.state),
    );
  return change;
}

/** An order that takes longer than the limit is no failure of its own: the state at the limit is what is told. */
async function orderStop({ manager, limitSeconds }: UnitAtWork, leftSeconds: number): Promise<Verdict> {
  const beganMs = performance.now();
  try {
    return (await manager.stop(leftSeconds))?.reading ?? 'look';
  } catch (error) {
    const tookSeconds = (performance.now() - beganMs) / 1000;
    const isTimeUp = (error as { type?: string }).type === 'CommandFailed' && tookSeconds >= Math.min(leftSeconds, limitSeconds);
    if (!isTimeUp) throw error;
    return 'look';
  }
}
