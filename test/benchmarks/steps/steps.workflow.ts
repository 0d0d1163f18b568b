import { proxyActivities } from '@temporalio/workflow';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { quick } from '../../../workflows/runbook/profiles.ts';

/** An activity that does nothing: what Temporal alone costs. */
export interface EmptyActivities {
  doNothing(): Promise<void>;
}

const { doNothing } = proxyActivities<EmptyActivities>({ startToCloseTimeout: '60 seconds' });

/** Whole remote steps one after the other, as a procedure makes them: the product's own profile and activity. */
export async function benchRemoteSteps({ host, steps }: { host: HostRef; steps: number }): Promise<void> {
  for (let step = 1; step <= steps; step += 1)
    await quick(`true on ${host.name}, ${step} of ${steps}`).runHostCommand({ host, command: ['true'], limitSeconds: 60 });
}

export async function benchEmptySteps({ steps }: { steps: number }): Promise<void> {
  for (let step = 1; step <= steps; step += 1) await doNothing();
}
