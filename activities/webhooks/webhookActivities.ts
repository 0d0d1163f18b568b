import { activityInfo, cancellationSignal } from '@temporalio/activity';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { codeOfNoAnswer } from '../tools/whyNoAnswer.ts';
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
      const cancelled = cancellationSignal();
      const timeOut = AbortSignal.timeout(timeoutSeconds * 1000);
      const beganMs = performance.now();
      try {
        return await withHeartbeat(
          () => ({ webhook: name }),
          async () => {
            const response = await fetch(address, {
              method: 'POST',
              body: '{}',
              headers: {
                'content-type': 'application/json',
                'idempotency-key': idempotencyKey,
                ...(token === undefined ? {} : { authorization: token }),
              },
              redirect: 'error',
              signal: AbortSignal.any([cancelled, timeOut]),
            });
            await response.body?.cancel();
            const { status } = response;
            if (status === 401 || status === 403)
              throw failure('CredentialsRejected', `webhook ${name} answered ${status}`, { webhook: name, status });
            if (!response.ok) throw failure('HttpUnexpectedAnswer', `webhook ${name} answered ${status}`, { webhook: name, status });
            return { webhook: name, status, attempts: activityInfo().attempt, elapsedMs: Math.round(performance.now() - beganMs) };
          },
        );
      } catch (error) {
        if (cancelled.aborted) throw cancellationOf(cancelled);
        if (error instanceof Error && error.name === 'ApplicationFailure') throw error;
        throw failure(
          'HttpUnreachable',
          `webhook ${name}: ${timeOut.aborted ? `no answer within ${timeoutSeconds} s` : codeOfNoAnswer(error)}`,
          {
            webhook: name,
          },
        );
      }
    },
  };
}
