import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { Instances } from '../../activities/services/services.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { step } from '../runbook/plan.ts';
import { patient, quick } from '../runbook/profiles.ts';
import type { Run } from '../runbook/run.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { ContainerSettings } from './replica.contract.ts';

/** A kind of container: down, and on the way back up. */
type ContainerStep = PlannedStep & { setting: ContainerSettings; up: PlannedStep };

export function containerStep(setting: ContainerSettings): ContainerStep {
  const { region, app, container, limitSeconds } = setting;
  const id = `containers/${region}/${app}/${container}`;
  return {
    ...step('Containers down', `${id}/down`, `scale ${nameOf(setting)} to nothing`, {
      commands: [scaleCommand(setting, { amount: 0, size: '' })],
      limitSeconds,
      unwind: 'scaled back to as many and as large as they were',
    }),
    setting,
    up: step('Containers back', `${id}/up`, `scale ${nameOf(setting)} back to as many and as large as they were`, {
      limitSeconds,
      wayBack: true,
    }),
  };
}

/**
 * Runs work with the containers scaled to nothing, and back to as many and as large as they were, whatever becomes of the work.
 * What was at nothing before stays so. Fails with PlatformNotRestored when some do not come back.
 */
export async function withContainersDown<Result>(steps: readonly ContainerStep[], run: Run, work: () => Promise<Result>): Promise<Result> {
  return run.untilBack(async () => {
    for (const each of steps) await scaleDown(each, run);
    return work();
  });
}

async function scaleDown(down: ContainerStep, run: Run): Promise<void> {
  const { setting, up } = down;
  const { limitSeconds } = setting;
  await run.step(down, async (record) => {
    const instances = await instancesOf(setting);
    if (instances.amount === 0) {
      record.note = 'was scaled to zero before this run: stays so';
      run.notNeeded(up, 'was at nothing before this run');
      return;
    }
    const commands = [scaleCommand(setting, instances)];
    run.takeDown(
      { id: down.id, title: nameOf(setting), commands },
      {
        step: { ...up, commands },
        perform: async () => void (await patient(up.title, limitSeconds).startService({ ...unitOf(setting), limitSeconds, instances })),
      },
    );
    await patient(down.title, limitSeconds).stopService({ ...unitOf(setting), acceptedConditions: ['stopped'], limitSeconds });
    record.note = `${instances.amount} × ${instances.size} before`;
  });
}

/** How many there are now; those that cannot be asked are faults. Reads only. */
export async function lookAtContainers(steps: readonly ContainerStep[]): Promise<{ faults: string[]; now: Record<string, string> }> {
  const [faults, now]: [string[], Record<string, string>] = [[], {}];
  for (const { setting } of steps)
    try {
      const { amount, size } = await instancesOf(setting);
      now[nameOf(setting)] = `${amount} × ${size}`;
    } catch (error) {
      if (isCancellation(error)) throw error;
      faults.push(`${nameOf(setting)}: ${describeFailure(error).message}`);
    }
  return { faults, now };
}

async function instancesOf(setting: ContainerSettings): Promise<Instances> {
  const { instances } = await quick(`how many ${nameOf(setting)}?`).readServiceState(unitOf(setting));
  return instances ?? { amount: 0, size: '' };
}

function nameOf({ app, container }: ContainerSettings): string {
  return `containers ${container} of ${app}`;
}

function unitOf({ app, region, container, token, command }: ContainerSettings): { host: HostRef; unit: string; ports: number[] } {
  const host: HostRef = {
    ...{ name: `${app} (${region})`, address: '127.0.0.1', reach: { kind: 'local' }, stateDirectory: '/' },
    serviceManager: { kind: 'scalingo', command, region, app, token },
  };
  return { host, unit: container, ports: [] };
}

function scaleCommand({ command, region, app, container }: ContainerSettings, { amount, size }: Instances): string {
  return `${command} --region ${region} --app ${app} scale ${container}:${amount}${size === '' ? '' : `:${size}`}`;
}
