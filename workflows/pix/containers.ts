import type { HostRef } from '../../activities/hosts/hosts.contract.ts';
import type { Instances } from '../../activities/services/services.contract.ts';
import type { Runbook } from '../runbook/beginRunbook.ts';
import { bringBack } from '../runbook/bringBack.ts';
import { patient, quick } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import { withRestore } from '../runbook/withRestore.ts';
import type { ContainerSettings, PixReplica } from './replica.contract.ts';

/** How long bringing containers back is tried before the commands are given to a person. */
const restoreLimitSeconds = 3600;
const atOnceMax = 4;
const phases = { down: 'Containers down', up: 'Containers back' } as const;

/**
 * Runs work with the replica's containers scaled to nothing, and back to as many and as large as they were, whatever becomes of the work (pix 34).
 * What was at nothing before stays so. Without declared containers: the work alone. Fails with PlatformNotRestored when some do not come back.
 */
export async function withContainersDown<Result>(
  { containers }: PixReplica,
  runbook: Runbook,
  work: () => Promise<Result>,
): Promise<Result> {
  if (containers.length === 0) return work();
  runbook.addSteps(containers.map(downStep));
  const taken: { setting: ContainerSettings; former: Instances }[] = [];
  return withRestore({
    work: async () => {
      for (const setting of containers) {
        const step = downStep(setting);
        await runbook.step(step, async (record) => {
          const unit = unitOf(setting);
          const { instances } = await quick(`how many ${nameOf(setting)}?`).readServiceState(unit);
          if (!instances || instances.amount === 0) {
            record.note = 'was scaled to zero before this run: stays so';
            return;
          }
          // Before the act: a worker that dies in the middle of it leaves nothing forgotten.
          runbook.takeDown({ id: step.id, title: nameOf(setting), commands: [scaleCommand(setting, instances)] });
          taken.push({ setting, former: instances });
          const { limitSeconds } = setting;
          await patient(step.title, limitSeconds).stopService({ ...unit, acceptedConditions: ['stopped'], limitSeconds });
          record.note = `${instances.amount} × ${instances.size} before`;
        });
      }
      return work();
    },
    restore: async () => {
      if (taken.length === 0) return;
      runbook.setState('bringingBack');
      const items = taken.map(({ setting, former }) => ({
        step: upStep(setting, former),
        settles: [downStep(setting).id],
        perform: async () => {
          const { limitSeconds } = setting;
          await patient(upStep(setting, former).title, limitSeconds).startService({ ...unitOf(setting), limitSeconds, instances: former });
        },
      }));
      runbook.addSteps(items.map(({ step }) => step));
      await bringBack(runbook, [{ items, atOnceMax }], restoreLimitSeconds, 'the full replication');
      runbook.setState('working');
    },
  });
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

function downStep(setting: ContainerSettings): PlannedStep {
  return {
    id: `containers/${setting.region}/${setting.app}/${setting.container}/down`,
    title: `scale ${nameOf(setting)} to zero`,
    phase: phases.down,
    commands: [scaleCommand(setting, { amount: 0, size: '' })],
    limitSeconds: setting.limitSeconds,
    skippable: false,
    unwind: 'scaled back to as many and as large as they were',
  };
}

function upStep(setting: ContainerSettings, former: Instances): PlannedStep {
  return {
    id: `containers/${setting.region}/${setting.app}/${setting.container}/up`,
    title: `scale ${nameOf(setting)} back to ${former.amount} × ${former.size}`,
    phase: phases.up,
    commands: [scaleCommand(setting, former)],
    limitSeconds: setting.limitSeconds,
    skippable: false,
  };
}
