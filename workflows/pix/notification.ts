import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { patientFor } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import type { PixInput, PixRequest } from './inputs.schema.ts';
import type { NotificationFacts, NotificationReport } from './notification.contract.ts';
import { ofReplica } from './ofReplica.ts';
import type { PixReplica } from './replica.contract.ts';

function planNotification({ notifications }: PixReplica) {
  return {
    tell: notifications.map((webhook) => ({
      ...step('1. Webhooks', `tell/${webhook.name}`, `tell ${webhook.name}`, {
        commands: [`POST {} to the webhook ${webhook.name}`],
        skippable: true,
      }),
      webhook,
    })),
  };
}

export const notification: Procedure<PixRequest<'pixNotification'>, ReturnType<typeof planNotification>> = {
  ...ofReplica,
  type: 'pixNotification',
  plan: ({ replica }) => planNotification(replica),
  cancelled: 'the receivers that were told stay told',
};

/**
 * Calls the configured webhooks: each once per run, in order; a failed one does not keep the others from being called.
 *
 * Runbook   pix 31 in deploy/systems/pix.md.
 * Downtime  none.
 * Needs     notifications in the replica file; none there: nothing to do.
 * On error  the data stays as it is; fails with NotificationFailed, naming the receivers.
 * To stop   cancel.
 */
export async function pixNotification(input: PixInput<'pixNotification'>): Promise<NotificationReport | PlanReport> {
  return procedure(notification, input, async ({ request: { replica }, plan, run }): Promise<NotificationFacts> => {
    const { workflowId, runId } = workflowInfo();
    const told: NotificationFacts = { deliveries: [], skipped: [], failed: [] };
    for (const planned of plan.tell) {
      const { webhook } = planned;
      try {
        await run.step(
          planned,
          async (record) => {
            const delivery = await patientFor(planned.title, replica.retries).deliverWebhook({
              webhook,
              idempotencyKey: `${workflowId}/${runId}/${webhook.name}`,
              timeoutSeconds: 30,
            });
            record.note = `${delivery.status}, try ${delivery.attempts}`;
            told.deliveries.push(delivery);
          },
          () => void told.skipped.push(webhook.name),
        );
      } catch (error) {
        if (isCancellation(error)) throw error;
        told.failed.push({ webhook: webhook.name, why: describeFailure(error).message });
      }
    }
    if (told.failed.length > 0)
      throw failure('NotificationFailed', told.failed.map(({ webhook, why }) => `${webhook}: ${why}`).join(' | '), { ...told });
    return told;
  });
}
