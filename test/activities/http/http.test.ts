import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { HttpRequest } from '../../../activities/http/http.contract.ts';
import { createHttpActivities } from '../../../activities/http/httpActivities.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { sshServerMissing, startSshServer, type SshServer } from '../hosts/sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { bodyOf, startTestServer, type TestServer } from './testServer.ts';

const localRef: HostRef = {
  name: 'here',
  address: '127.0.0.1',
  reach: { kind: 'local' },
  serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
  stateDirectory: join(tmpdir(), 'nightshift-state'),
};

for (const way of ['local', 'ssh'] as const) {
  describe(`http over ${way}`, { skip: way === 'ssh' && sshServerMissing() }, () => {
    let sshd: SshServer | undefined;
    let server: TestServer;
    let host = localRef;
    const hosts = createHosts({ resolveSecret: async (name) => sshd?.resolveSecret(name) ?? '' });
    const http = createHttpActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
    const request = (path: string, changes: Partial<HttpRequest> = {}): HttpRequest => ({
      method: 'GET',
      scheme: 'http',
      port: server.port,
      path,
      timeoutSeconds: 120,
      ...changes,
    });
    const ask = (path: string, changes: Partial<HttpRequest> = {}, accept = [200]) =>
      runActivity(() => http.requestHttp({ host, request: request(path, changes), accept }));
    const nothingOpen = () => waitUntil('all connections are closed', () => server.connections.open === 0);

    before(async () => {
      server = await startTestServer((incoming, answer) => {
        const json = { 'content-type': 'application/json' };
        const path = incoming.url ?? '';
        if (path === '/echo')
          void bodyOf(incoming).then((body) =>
            answer.writeHead(200, json).end(JSON.stringify({ method: incoming.method, headers: incoming.headers, body })),
          );
        else if (path === '/error') answer.writeHead(500).end(`the disk is full ${'x'.repeat(1_000)}`);
        else if (path === '/text') answer.writeHead(200, { 'set-cookie': ['a=1', 'b=2'] }).end('é'.repeat(5_000));
        else if (path === '/big') answer.writeHead(200, json).end(JSON.stringify({ fill: 'y'.repeat(300 * 1024) }));
        else if (path === '/limit') answer.writeHead(200, json).end(JSON.stringify('z'.repeat(256 * 1024 - 2)));
        else if (path === '/endless') {
          answer.writeHead(200);
          const more = (): void => {
            while (!answer.destroyed && answer.write('e'.repeat(64 * 1024)));
            if (!answer.destroyed) answer.once('drain', more);
          };
          more();
        } else if (path === '/half') {
          answer.writeHead(200, { 'content-length': '1000' }).write('only this');
          setTimeout(() => answer.destroy(), 50);
        } else if (path === '/wrong-json') answer.writeHead(200, json).end('{ no json');
        else if (path === '/slow') setTimeout(() => answer.end('late'), 1_000);
        else if (path === '/empty') answer.writeHead(204).end();
        else if (path === '/redirect') answer.writeHead(302, { location: '/echo' }).end();
        // Else: no answer.
      });
      if (way === 'ssh') {
        sshd = await startSshServer();
        host = sshd.ref();
      }
    });
    after(async () => {
      await hosts.close();
      await server?.stop();
      await sshd?.stop();
    });

    test('gives status, headers and JSON', async () => {
      const answer = await ask('/echo', { headers: { 'X-Tenant-Id': '1' } });
      const seen = answer.json as { method: string; headers: Record<string, string> };
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.text, undefined);
      assert.equal(seen.method, 'GET');
      assert.equal(seen.headers['x-tenant-id'], '1');
      assert.equal(seen.headers.host, `127.0.0.1:${server.port}`);
      assert.ok(answer.elapsedMs >= 0);
      await nothingOpen();
    });

    for (const method of ['GET', 'POST', 'PUT', 'DELETE'] as const)
      test(`sends a JSON body with ${method}`, async () => {
        const body = { $query: { name: 'Übersicht' } };
        const answer = await ask('/echo', { method, body });
        const seen = answer.json as { method: string; headers: Record<string, string>; body: string };
        assert.equal(seen.method, method);
        assert.deepEqual(JSON.parse(seen.body), body);
        assert.equal(seen.headers['content-type'], 'application/json');
        assert.equal(seen.headers['content-length'], String(Buffer.byteLength(JSON.stringify(body))));
        assert.equal(seen.headers['transfer-encoding'], undefined);
      });

    test('asks HEAD and takes an answer without a body', async () => {
      assert.equal((await ask('/echo', { method: 'HEAD' })).json, undefined);
      assert.equal((await ask('/empty', {}, [204])).text, undefined);
    });

    test('keeps 2,000 characters of a text and joins repeated headers', async () => {
      const answer = await ask('/text');
      assert.equal(answer.text, 'é'.repeat(2_000));
      assert.equal(answer.headers['set-cookie'], 'a=1,b=2');
    });

    test('bounds a body: 256 KiB of JSON are parsed, more is a prefix, an endless one is left', async () => {
      assert.equal((await ask('/limit')).json, 'z'.repeat(256 * 1024 - 2));
      const big = await ask('/big');
      assert.equal(big.json, undefined);
      assert.equal(big.text?.length, 2_000);
      assert.equal((await ask('/endless')).text, 'e'.repeat(2_000));
      await nothingOpen();
    });

    test('gives text when JSON is promised and not kept', async () => {
      assert.equal((await ask('/wrong-json')).text, '{ no json');
    });

    test('tells status and beginning of an answer that is not accepted', async () => {
      await assert.rejects(ask('/error'), (error: Error & { type?: string }) => {
        assert.equal(error.type, 'HttpUnexpectedAnswer');
        assert.match(error.message, /answered 500 \(accepted: 200\).*the disk is full x+/);
        assert.ok(!error.message.includes('x'.repeat(300)), error.message);
        return true;
      });
      await assert.rejects(ask('/redirect'), { type: 'HttpUnexpectedAnswer', message: /answered 302/ });
      assert.equal((await ask('/error', {}, [200, 500])).status, 500);
    });

    test('gives up after the time of the request and closes its connection', async () => {
      await assert.rejects(ask('/never', { timeoutSeconds: 0.4 }), { type: 'HttpUnreachable', message: /no answer within 0.4 s/ });
      await nothingOpen();
    });

    test('names host and port when the connection is refused', async () => {
      const port = await freePort();
      await assert.rejects(ask('/echo', { port }), (error: Error & { type?: string }) => {
        assert.equal(error.type, 'HttpUnreachable');
        assert.ok(error.message.includes(host.name) && error.message.includes(String(port)), error.message);
        assert.match(error.message, /connection refused/);
        return true;
      });
    });

    test('takes an answer that breaks off for none', async () => {
      await assert.rejects(ask('/half'), { type: 'HttpUnreachable' });
    });

    test('says when a request cannot be sent', async () => {
      await assert.rejects(ask('/a b\n'), { type: 'InvalidInput' });
      await assert.rejects(ask('/echo', { headers: { 'a b': 'c' } }), { type: 'InvalidInput' });
    });

    test('asks several requests in order over one connection', async () => {
      const before = server.connections.accepted;
      const requests = [1, 2, 3, 4, 5].map((body) => request('/echo', { body }));
      const answers = await runActivity(() => http.requestHttpAll({ host, requests, accept: [200] }));
      assert.deepEqual(
        answers.map(({ json }) => (json as { body: string }).body),
        ['1', '2', '3', '4', '5'],
      );
      assert.equal(server.connections.accepted - before, 1);
      await nothingOpen();
    });

    test('goes on over another connection after one that it had to close', async () => {
      const requests = [request('/endless'), request('/echo', { body: 2 }), request('/big'), request('/echo', { body: 4 })];
      const answers = await runActivity(() => http.requestHttpAll({ host, requests, accept: [200] }));
      assert.deepEqual(
        answers.map(({ json }) => (json as { body: string } | undefined)?.body),
        [undefined, '2', undefined, '4'],
      );
      await nothingOpen();
    });

    test('stops at the first request that fails', async () => {
      const requests = [request('/echo'), request('/error'), request('/echo')];
      await assert.rejects(
        runActivity(() => http.requestHttpAll({ host, requests, accept: [200] })),
        { type: 'HttpUnexpectedAnswer', message: /\/error/ },
      );
    });

    test('ends the request when cancelled, and heartbeats until then', async () => {
      const asking = beginActivity(() => http.requestHttp({ host, request: request('/never', { timeoutSeconds: 3_600 }), accept: [200] }));
      await waitUntil('it has sent two heartbeats', () => asking.heartbeats.length >= 2);
      asking.cancel();
      await assert.rejects(asking.result, CancelledFailure);
      await nothingOpen();
    });

    test('waits until a service listens and accepts', async () => {
      const port = await freePort();
      const waiting = beginActivity(() =>
        http.waitForHttp({ host, request: request('/status', { port }), accept: [200], limitSeconds: 300 }),
      );
      await waitUntil('it has asked in vain', () => waiting.heartbeats.length > 0);
      let asked = 0;
      const late = await startTestServer((_incoming, answer) => answer.writeHead((asked += 1) < 3 ? 503 : 200).end('ready'), { port });
      try {
        assert.equal((await waiting.result).text, 'ready');
        assert.equal(asked, 3);
      } finally {
        await late.stop();
      }
    });

    test('tells the last thing seen when the wait ends', async () => {
      const wait = (path: string, changes: Partial<HttpRequest> = {}) =>
        runActivity(() => http.waitForHttp({ host, request: request(path, changes), accept: [200], limitSeconds: 1.2 }));
      await assert.rejects(wait('/error'), { type: 'HttpUnexpectedAnswer', message: /within 1.2 s \(\d requests .*500.*the disk is full/ });
      await assert.rejects(wait('/never', { timeoutSeconds: 0.3 }), { type: 'HttpUnreachable', message: /within 1.2 s .*no answer/ });
      await assert.rejects(wait('/echo', { port: await freePort() }), { type: 'HttpUnreachable', message: /connection refused/ });
      await nothingOpen();
    });

    test('gives a service the time to answer, also at the end of its wait', async () => {
      const wait = runActivity(() => http.waitForHttp({ host, request: request('/slow'), accept: [200], limitSeconds: 0 }));
      assert.equal((await wait).text, 'late');
    });

    test('ends a wait when cancelled', async () => {
      const port = await freePort();
      const waiting = beginActivity(() => http.waitForHttp({ host, request: request('/', { port }), accept: [200], limitSeconds: 600 }));
      await waitUntil('it has asked in vain', () => waiting.heartbeats.length > 0);
      // At its limit it would end otherwise.
      waiting.cancel();
      await assert.rejects(waiting.result, CancelledFailure);
    });
  });
}
