import { inParallel } from '../runbook/inParallel.ts';
import { patient, quick } from '../runbook/profiles.ts';
import { serviceCommand } from './commands.ts';
import { serviceKey, type Night } from './night.ts';
import type { ServiceStep } from './plan.ts';

/**
 * Stops one service and verifies state and port (vitam 13). A service that is down before its turn stays down after the run and
 * is only verified. The intent is recorded before the act: a stop that timed out may have stopped it after all.
 */
export async function stopService(night: Night, planned: ServiceStep): Promise<void> {
  const { run, running, stoppedServices } = night;
  const { component, serviceHost: host } = planned;
  const key = serviceKey(component.name, host.name);
  await run.step(planned, async (record) => {
    const unit = { host, unit: component.unit, ports: [component.servicePort] };
    if (!stoppedServices.has(key)) {
      const before = await quick(`state of ${component.unit} on ${host.name}`).readServiceState(unit);
      const isDown = before.condition === 'stopped' || before.condition === 'failed';
      if (isDown && !running.has(key)) record.note = 'was already down: stays down';
      else {
        stoppedServices.add(key);
        run.takeDown({
          id: `service/${key}`,
          title: planned.unwind ?? key,
          host: host.name,
          commands: [serviceCommand(host, 'start', component.unit)],
        });
      }
    }
    await patient(`stop ${component.unit} on ${host.name}`, component.limits.stopSeconds).stopService({
      ...unit,
      acceptedConditions: component.stoppedConditions,
      limitSeconds: component.limits.stopSeconds,
    });
  });
}

/** Strictly one component after the other; the hosts of one component side by side. */
export async function stopInOrder(night: Night, steps: readonly ServiceStep[]): Promise<void> {
  for (const component of new Set(steps.map((each) => each.component.name))) {
    const hosts = steps.filter((each) => each.component.name === component);
    await inParallel(hosts, hosts.length, (planned) => stopService(night, planned));
  }
}
