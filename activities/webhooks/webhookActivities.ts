import { activityInfo, cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { fetchPage, isGood, NoAnswer, pageFailure } from '../http/fetchPage.ts';
import { withHeartbeat } from '../tools/withHeartbeat.ts';
import type { WebhookActivities } from './webhooks.contract.ts';

export function createWebhookActivities({ resolveSecret }: { resolveSecret: ResolveSecret }): WebhookActivities {
  return {
    async deliverWebhook({ webhook, idempotencyKey, timeoutSeconds }) {
      const { name } = webhook;
      const address = URL.parse(await resolveSecret(webhook.url));
      if (!address || !/^https?:$/.test(address.protocol))
        throw failure('InvalidInput', `webhook ${name}: secret "${webhook.url}" is not an http or https URL`);
      const token = webhook.token === undefined ? undefined : await resolveSecret(webhook.token);
      const facts = { webhook: name };
      const answer = await withHeartbeat(
        () => facts,
        () =>
          fetchPage({
            ...{ address, method: 'POST', body: '{}', limitSeconds: timeoutSeconds, cancelled: cancellationSignal(), bytesMax: 0 },
            headers: {
              'content-type': 'application/json',
              'idempotency-key': idempotencyKey,
              ...(token === undefined ? {} : { authorization: token }),
            },
          }),
      ).catch((error: unknown) => {
        throw error instanceof NoAnswer ? pageFailure(`webhook ${name}`, error, facts) : error;
      });
      if (!isGood(answer)) throw pageFailure(`webhook ${name}`, answer, facts);
      return { webhook: name, status: answer.status, attempts: activityInfo().attempt, elapsedMs: answer.elapsedMs };
    },
  };
}
