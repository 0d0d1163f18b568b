import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { endOf, showControlCharacters } from '../tools/redact.ts';
import { openScalingoCli, type ScalingoApp } from './scalingoCli.ts';
import { readContainerStates, readKind } from './scalingoTables.ts';
import type { Instances } from './services.contract.ts';
import type { UnitManager, UnitReading } from './unitManager.ts';

const commandLimitSeconds = 60;

/**
 * One kind of containers of an application on Scalingo as a unit: stopped is scaled to nothing, started is scaled to `instances` (pix 34).
 * What is wanted is read by `scale`, which lists kinds that are scaled to nothing too; what is there by `ps`.
 */
export function createScalingoManager({
  kind,
  manager,
  instances = { amount: 1, size: '' },
  signal,
  resolveSecret,
}: {
  kind: string;
  manager: ScalingoApp;
  instances?: Instances;
  signal: AbortSignal;
  resolveSecret: ResolveSecret;
}): UnitManager {
  const cli = openScalingoCli(manager, resolveSecret, signal);
  const place = `${kind} of ${manager.app} in ${manager.region}`;

  const wanted = async () => {
    const found = readKind(await cli(['scale'], commandLimitSeconds), kind);
    if (!found) throw failure('UnknownUnit', `Scalingo knows no containers ${place}`, { app: manager.app, kind });
    return found;
  };
  const scale = async (amount: number, size: string, limitSeconds: number): Promise<void> => {
    const now = await wanted();
    // An attempt whose answer was lost has done it; the platform refuses a change to what is so.
    if (now.amount === amount && (size === '' || now.size === size)) return;
    if (now.autoscaled)
      throw failure(
        amount === 0 ? 'ServiceNotStopped' : 'ServiceNotStarted',
        `${place} is scaled by an autoscaler, which scaling by hand would end: take it out of "containers"`,
      );
    await cli(['scale', '--synchronous', [kind, amount, ...(size === '' ? [] : [size])].join(':')], limitSeconds);
  };

  const unit: UnitManager = {
    async read(): Promise<UnitReading> {
      const { amount, size } = await wanted();
      const states = readContainerStates(await cli(['ps'], commandLimitSeconds), kind);
      const running = states.filter((state) => state === 'running').length;
      const said = `${running} of ${amount} running${size === '' ? '' : ` (${size})`}${states.length > running ? `, ${states.filter((state) => state !== 'running').join(', ')}` : ''}`;
      const condition = amount === 0 ? (states.length === 0 ? 'stopped' : 'stopping') : running >= amount ? 'running' : 'starting';
      return { condition, said, instances: { amount, size } };
    },
    stop: (limitSeconds) => scale(0, '', limitSeconds),
    start: (limitSeconds) => scale(instances.amount, instances.size, limitSeconds),
    trigger: () => Promise.reject(failure('InvalidInput', `${place}: containers are scaled, not triggered`)),
    async lastWords() {
      try {
        return endOf(showControlCharacters(await cli(['logs', '--lines', '5', '--filter', kind], commandLimitSeconds)), 800);
      } catch (error) {
        if (signal.aborted) throw error;
        return '';
      }
    },
  };
  return unit;
}
