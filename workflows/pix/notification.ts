import { workflowInfo } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { patientFor } from '../runbook/profiles.ts';
import type { PlannedStep } from '../runbook/runbook.contract.ts';
import type { NotificationInput, NotificationReport, NotificationRequest } from './notification.contract.ts';
import type { WebhookSettings } from './replica.contract.ts';
import { runPixProcedure } from './runPixProcedure.ts';

/**
 * Calls the configured webhooks: each once per run, in order; a failed one does not keep the others from being called.
 *
 * Runbook   pix 31 in deploy/systems/pix.md.
 * Downtime  none.
 * Needs     notifications in the replica file; none there: nothing to do.
 * On error  the data stays as it is; fails with NotificationFailed, naming the receivers.
 * To stop   cancel.
 */
export async function pixNotification(input: NotificationInput): Promise<NotificationReport> {
  const steps = ({ replica }: NotificationRequest): PlannedStep[] => replica.notifications.map(stepOf);
  return runPixProcedure<NotificationRequest, NotificationReport>('pixNotification', input, steps, async ({ replica }, runbook) => {
    const { workflowId, runId } = workflowInfo();
    const report: NotificationReport = { replica: replica.name, deliveries: [], skipped: [], failed: [] };
    for (const webhook of replica.notifications) {
      try {
        await runbook.step(
          stepOf(webhook),
          async (record) => {
            const delivery = await patientFor(`call webhook ${webhook.name}`, replica.retries).deliverWebhook({
              webhook,
              idempotencyKey: `${workflowId}/${runId}/${webhook.name}`,
              timeoutSeconds: 30,
            });
            record.note = `${delivery.status}, try ${delivery.attempts}`;
            report.deliveries.push(delivery);
          },
          () => void report.skipped.push(webhook.name),
        );
      } catch (error) {
        if (isCancellation(error)) throw error;
        report.failed.push({ webhook: webhook.name, why: describeFailure(error).message });
      }
    }
    if (report.failed.length > 0)
      throw failure('NotificationFailed', report.failed.map(({ webhook, why }) => `${webhook}: ${why}`).join(' | '), { ...report });
    return report;
  });
}

function stepOf({ name }: WebhookSettings): PlannedStep {
  return {
    id: `tell/${name}`,
    title: `call webhook ${name}`,
    phase: '1. Webhooks',
    commands: [`POST {} to the webhook ${name}`],
    skippable: true,
  };
}
