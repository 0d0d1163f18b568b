import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';

import { freePort } from '../../../deploy/lab/freePort.ts';
import { createWebhookActivities } from '../../../activities/webhooks/webhookActivities.ts';
import type { Delivery } from '../../../activities/webhooks/webhooks.contract.ts';
import { beginActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { bodyOf, startTestServer, type TestServer } from '../http/testServer.ts';

describe('a webhook', () => {
  let server: TestServer;
  const received: string[] = [];
  const resolveSecret = async (name: string): Promise<string> =>
    ({ token: 'Bearer canary-token', closed: `http://127.0.0.1:${await freePort()}/?key=canary-key`, wrong: 'canary-key' })[name] ??
    `http://127.0.0.1:${server.port}/${name}?key=canary-key`;
  const webhooks = createWebhookActivities({ resolveSecret });
  const begin = (url: string, timeoutSeconds = 60) =>
    beginActivity(() =>
      webhooks.deliverWebhook({ webhook: { name: 'receiver', url, token: 'token' }, idempotencyKey: 'run-1', timeoutSeconds }),
    );
  const deliver = (url: string, timeoutSeconds?: number): Promise<Delivery> => begin(url, timeoutSeconds).result;

  before(async () => {
    server = await startTestServer((request, response) => {
      const path = request.url?.split('?')[0] ?? '';
      void bodyOf(request).then((body) => {
        received.push(`${request.method} ${path} ${String(request.headers['idempotency-key'])} ${request.headers.authorization} ${body}`);
        if (path === '/never') return;
        if (path === '/moved') response.setHeader('location', '/good');
        response.writeHead({ '/good': 204, '/moved': 302, '/forbidden': 403 }[path] ?? 500).end();
      });
    });
  });
  after(() => server?.stop());

  test('is delivered with its key and token', async () => {
    const delivery = await deliver('good');
    assert.deepEqual([delivery.webhook, delivery.status, delivery.attempts], ['receiver', 204, 1]);
    assert.deepEqual(received.splice(0), ['POST /good run-1 Bearer canary-token {}']);
  });

  test('that is not taken tells why, and never its address or token', async () => {
    const wrong = {
      ...{ bad: ['HttpUnexpectedAnswer', 'answered 500'], moved: ['HttpUnexpectedAnswer', 'answered 302'] },
      ...{ forbidden: ['CredentialsRejected', 'answered 403'], closed: ['HttpUnreachable', 'ECONNREFUSED'] },
      ...{ never: ['HttpUnreachable', 'no whole answer within 0.3 s'], wrong: ['InvalidInput', 'is not an http or https URL'] },
    };
    for (const [url, [type, said = '']] of Object.entries(wrong))
      await assert.rejects(deliver(url, url === 'never' ? 0.3 : 60), (error: Error & { type?: string }) => {
        assert.equal(error.type, type, url);
        assert.ok(error.message.includes(said), error.message);
        assert.doesNotMatch(`${error.message} ${JSON.stringify(error)}`, /canary/);
        return true;
      });
  });

  test('is given up when cancelled', async () => {
    received.length = 0;
    const running = begin('never');
    await waitUntil('it was received', () => received.length > 0);
    running.cancel();
    await assert.rejects(running.result, CancelledFailure);
  });
});
