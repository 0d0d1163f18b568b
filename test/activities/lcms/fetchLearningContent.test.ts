import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';

import { fetchLearningContent } from '../../../activities/lcms/fetchLearningContent.ts';

const apiKey = 'canary-key-4711';

describe('fetching the learning content', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function serve(listener: RequestListener, onConnection: (socket: Socket) => void = () => undefined): Promise<string> {
    const server = createServer(listener).on('connection', onConnection).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`;
  }
  const ask = (url: string, more: { limitSeconds?: number; signal?: AbortSignal } = {}): Promise<unknown> =>
    fetchLearningContent({ url, apiKey, app: 'nightshift', ...more });

  test('asks the path of the old tool with its two headers and answers what was sent', async () => {
    let seen: unknown;
    const url = await serve((request, response) => {
      seen = [request.method, request.url, request.headers.authorization, request.headers.client];
      response.end('{"areas":[]}');
    });
    assert.deepEqual(await ask(url), { areas: [] });
    assert.deepEqual(seen, ['GET', '/api/databases/airtable', `Bearer ${apiKey}`, 'nightshift']);
  });

  test('cuts the connection at the limit, also when the answer has begun', async () => {
    const closed = Promise.withResolvers<void>();
    const url = await serve(
      (_, response) => response.write('{"areas":['),
      (socket) => socket.once('close', () => closed.resolve()),
    );
    await assert.rejects(ask(url, { limitSeconds: 1 }), { type: 'HttpUnreachable', message: /no whole answer within 1 s/ });
    await closed.promise;
  });

  test('cuts the connection when it is cancelled', async () => {
    const asked = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const url = await serve((request) => {
      request.socket.once('close', () => closed.resolve());
      asked.resolve();
    });
    const cancel = new AbortController();
    const asking = assert.rejects(ask(url, { signal: cancel.signal }), { name: 'AbortError' });
    await asked.promise;
    cancel.abort();
    await asking;
    await closed.promise;
  });

  test('takes an empty body, a page that is no JSON, and an answer cut short for failures', async () => {
    for (const body of ['', ' \n', '<html>login</html>', '{"areas":[{"id"'])
      await assert.rejects(ask(await serve((_, response) => response.end(body))), { type: 'HttpUnexpectedAnswer' });
    const cut = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"areas":', () => response.destroy());
    });
    await assert.rejects(ask(cut), { type: 'HttpUnreachable' });
  });

  test('tells a refused key from a server in trouble and from one that is not there', async () => {
    for (const [status, type] of [
      [401, 'CredentialsRejected'],
      [403, 'CredentialsRejected'],
      [404, 'HttpUnexpectedAnswer'],
      [503, 'HttpUnexpectedAnswer'],
    ] as const)
      await assert.rejects(ask(await serve((_, response) => response.writeHead(status).end('no'))), {
        type,
        message: new RegExp(`answered ${status}`),
      });
    await assert.rejects(ask('http://127.0.0.1:1/'), { type: 'HttpUnreachable', message: /127\.0\.0\.1/ });
  });

  test('shows neither the key nor the credentials of an address in any message', async () => {
    const said = async (request: Promise<unknown>): Promise<string> =>
      request.then(
        () => assert.fail('must fail'),
        (error: Error & { details?: unknown }) =>
          [error.message, String(error.stack), JSON.stringify(error.details), String(error.cause)].join('\n'),
      );
    const broken = fetchLearningContent({ url: 'http://127.0.0.1:1', apiKey: `${apiKey}\nx`, app: 'nightshift' });
    for (const request of [broken, ask('https://user:canary-key-4711@lcms.example/'), ask('http://127.0.0.1:1/?token=canary-key-4711')])
      assert.doesNotMatch(await said(request), /canary-key/);
  });
});
