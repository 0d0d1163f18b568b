import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';

import { CancelledFailure } from '@temporalio/common';

import { freePort } from '../../../deploy/lab/freePort.ts';
import { createCookieJar } from '../../../activities/http/cookieJar.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createHttpActivities } from '../../../activities/http/httpActivities.ts';
import type { SessionAnswer, SessionStep } from '../../../activities/http/httpSession.contract.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { sshServerMissing, startSshServer, type SshServer } from '../hosts/sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { bodyOf, startTestServer, type TestServer } from './testServer.ts';

const password = 'pässword & more=1';

/** A site with a login as most have it: a cookie for the visitor, a token in the form that must come back, redirects. */
class Site {
  readonly visits: string[] = [];
  readonly sessions = new Map<string, { token: string; user?: string }>();
  held = false;

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => void this.handle(request, response);

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', 'http://site');
    this.visits.push(`${request.method} ${url.pathname}`);
    const page = (text: string, status = 200): unknown => response.writeHead(status, { 'content-type': 'text/html' }).end(text);
    const to = (location: string, status = 302, headers: Record<string, string | string[]> = {}): unknown =>
      response.writeHead(status, { location, ...headers }).end('moved');
    const id = /(?:^|; )sid=(\w+)/.exec(request.headers.cookie ?? '')?.[1] ?? '';
    const session = this.sessions.get(id);
    switch (url.pathname) {
      case '/':
        return void to('/app/login', 301);
      case '/app/login': {
        if (request.method === 'GET') {
          const made = { token: `${randomBytes(6).toString('hex')}<&>` };
          const sid = randomBytes(8).toString('hex');
          this.sessions.set(sid, made);
          response.setHeader('set-cookie', [`sid=${sid}; Path=/app; HttpOnly`, 'never=sent; Path=/app; Secure', 'old=1; Max-Age=0']);
          const text = made.token.replace('<&>', '&lt;&#38;&#x3e;');
          return void page(`<form><input type="hidden" name="_csrf" value="${text}"></form>`);
        }
        const form = new URLSearchParams(await bodyOf(request));
        if (!session || form.get('_csrf') !== session.token || !request.headers.referer?.endsWith('/app/login'))
          return void page('forged', 403);
        if (form.get('password') !== password) return void page('<p>wrong password</p>');
        session.user = form.get('user') ?? '';
        return void to(`home?hint=${encodeURIComponent(password)}`, 303);
      }
      case '/app/home':
        return void (session?.user
          ? page(`hello ${session.user}, you typed ${password}! cookies: ${request.headers.cookie}`)
          : page('who?', 401));
      case '/app/logout':
        this.sessions.delete(id);
        return void page('bye');
      case '/loop':
        return void to('/loop');
      case '/elsewhere':
        return void to(url.searchParams.get('to') ?? '', 307);
      case '/headers':
        return void page(JSON.stringify(request.headers));
      case '/never':
        this.held = true;
        return;
      default:
        return void page('not here', 404);
    }
  }
}

for (const way of ['the worker', 'a host'] as const) {
  describe(`a session of requests from ${way}`, { skip: way === 'a host' && sshServerMissing() }, () => {
    let sshd: SshServer | undefined;
    let site: Site;
    let server: TestServer;
    const secrets: Record<string, string> = { 'site-password': password, 'wrong-password': 'guess' };
    const hosts = createHosts({ resolveSecret: async (name) => sshd?.resolveSecret(name) ?? '' });
    const http = createHttpActivities({ openHost: hosts.openHost, resolveSecret: async (name) => secrets[name] ?? assert.fail(name) });
    const url = (path: string): string => `http://127.0.0.1:${server.port}${path}`;
    const begin = (steps: Omit<SessionStep, 'timeoutSeconds'>[], timeoutSeconds = 60) =>
      http.runHttpSession({ ...(sshd ? { host: sshd.ref() } : {}), steps: steps.map((step) => ({ timeoutSeconds, ...step })) });
    const run = (...steps: Omit<SessionStep, 'timeoutSeconds'>[]): Promise<SessionAnswer> => runActivity(() => begin(steps));
    const login = (secret: string): Omit<SessionStep, 'timeoutSeconds'>[] => [
      { name: 'open', url: url('/'), find: { token: 'name="_csrf" value="([^"]+)"' } },
      {
        ...{ name: 'log in', url: 'login', form: { user: 'anne', password: { secret }, _csrf: '{{token}}' } },
        expect: { url: '/app/home', text: '^hello anne', absent: 'wrong password' },
      },
      { name: 'home', url: '/app/home', find: { typed: 'you typed (.*)!', cookies: 'cookies: (.*)' } },
      { name: 'log out', url: '/app/logout', always: true, expect: { status: [200] } },
    ];

    before(async () => {
      if (way === 'a host') sshd = await startSshServer();
      server = await startTestServer((request, response) => site.answer(request, response));
    });
    beforeEach(() => (site = new Site()));
    after(async () => {
      await server?.stop();
      await hosts.close();
      await sshd?.stop();
    });

    test('logs in through a form with its token and cookies, follows and tells redirects, times every step', async () => {
      const { isGood, steps } = await run(...login('site-password'));
      assert.deepEqual(
        steps.map(({ failed }) => failed),
        [null, null, null, null],
      );
      assert.equal(isGood, true);
      const [open, entered, home] = steps;
      assert.deepEqual([open?.status, open?.url, open?.redirects], [200, url('/app/login'), [url('/app/login')]]);
      assert.match(open?.found.token ?? '', /^[0-9a-f]{12}<&>$/);
      assert.ok((entered?.bytes ?? 0) > 30 && (entered?.elapsedMs ?? -1) >= 0);
      assert.match(home?.found.cookies ?? '', /^sid=\w+$/);
      assert.deepEqual(site.visits, ['GET /', 'GET /app/login', 'POST /app/login', 'GET /app/home', 'GET /app/home', 'GET /app/logout']);
      assert.equal(site.sessions.size, 0);
      await waitUntil('its connections are closed', () => server.connections.open === 0);
    });

    test('masks secrets in everything that it tells', async () => {
      const answer = await run(...login('site-password'));
      assert.equal(answer.steps[2]?.found.typed, '***');
      assert.equal(answer.steps[1]?.url, url('/app/home?hint=***'));
      const told = JSON.stringify(answer);
      for (const form of [password, encodeURIComponent(password), 'more=1']) assert.ok(!told.includes(form), told);
      const bad = await run({ name: 'x', url: url('/app/home'), headers: { 'x-key': { secret: 'site-password' } } });
      assert.ok(!JSON.stringify(bad).includes('more=1'), JSON.stringify(bad));
    });

    test('ends with the first step that is not as expected; what is marked always is done', async () => {
      const { isGood, steps } = await run(...login('wrong-password'));
      assert.equal(isGood, false);
      assert.deepEqual(
        steps.map(({ failed }) => failed),
        [null, `it ended at ${url('/app/login')}, expected /app/home`, 'not done', null],
      );
      assert.equal(site.sessions.size, 0);
      assert.ok(!site.visits.includes('GET /app/home'));
    });

    test('tells what was the matter: a status, a text that is missing or there, a token that is not found or not known', async () => {
      const fails = async (step: Omit<SessionStep, 'timeoutSeconds' | 'name'>): Promise<string | null | undefined> =>
        (await run({ name: 'step', ...step })).steps[0]?.failed;
      assert.equal(await fails({ url: url('/nowhere') }), 'status 404');
      assert.equal(await fails({ url: url('/app/home'), expect: { status: [200] } }), 'status 401 (expected: 200)');
      assert.equal(await fails({ url: url('/app/home'), expect: { status: [401], text: 'hello' } }), 'the page does not hold hello');
      assert.equal(await fails({ url: url('/app/home'), expect: { status: [401], absent: 'wh.' } }), 'the page holds wh.');
      assert.equal(await fails({ url: url('/app/logout'), find: { token: 'no (such) thing' } }), 'token was not found: no (such) thing');
      assert.equal(await fails({ url: url('/{{token}}') }), 'no step before has found token');
      assert.equal(await fails({ url: url('/loop') }), 'more than 10 redirects');
      assert.match((await fails({ url: `http://127.0.0.1:${await freePort()}/` })) ?? '', /connection refused/);
      assert.match((await fails({ url: 'relative' })) ?? '', /is no address/);
      const late = await runActivity(() => begin([{ name: 'late', url: url('/never') }], 0.4));
      assert.equal(late.steps[0]?.failed, 'no whole answer within 0.4 s');
      await assert.rejects(run({ name: 'x', url: url('/'), find: { a: '(' } }), { type: 'InvalidInput' });
      assert.deepEqual(
        site.visits.filter((visit) => visit === 'GET /'),
        [],
      );
    });

    test('tells another server neither headers, nor cookies, nor a form that was meant for the first', async () => {
      let told = '';
      const other = await startTestServer((request, response) => {
        told = JSON.stringify([request.method, request.headers]);
        response.end('other');
      });
      try {
        const elsewhere = url(`/elsewhere?to=${encodeURIComponent(`http://127.0.0.1:${other.port}/`)}`);
        const key = { 'x-key': { secret: 'wrong-password' } };
        assert.equal((await run({ name: 'away', url: elsewhere, headers: key })).isGood, true);
        assert.ok(!told.includes('guess'), told);
        told = '';
        const form = await run({ name: 'away', url: elsewhere, form: { password: { secret: 'wrong-password' } } });
        assert.match(form.steps[0]?.failed ?? '', /the form would be sent on/);
        assert.equal(told, '');
      } finally {
        await other.stop();
      }
    });

    test('cancelled in the middle, it still logs out, and heartbeats tell the step', async () => {
      const [open, enter, , logout] = login('site-password');
      assert.ok(open && enter && logout);
      const running = beginActivity(() =>
        begin([open, enter, { name: 'waits', url: url('/never') }, { name: 'left out', url: '/' }, logout]),
      );
      await waitUntil('the site holds it, and it heartbeats', () => site.held && running.heartbeats.length > 0);
      assert.equal((running.heartbeats.at(-1) as { step: string }).step, 'waits');
      running.cancel();
      await assert.rejects(running.result, CancelledFailure);
      assert.equal(site.sessions.size, 0);
      assert.equal(site.visits.at(-1), 'GET /app/logout');
    });
  });
}

test('cookies go to the names, paths and schemes that they are for, until they are taken back', () => {
  const jar = createCookieJar();
  const at = (address: string): string => jar.headerFor(new URL(address));
  const from = new URL('https://www.example.org/a/b');
  jar.keep(from, [
    'host=1',
    'all=2; Domain=.example.org; Path=/',
    'deep=3; Path=/a/b/c',
    'safe=4; Secure; Path=/',
    'alien=5; Domain=other.org',
    '=6',
  ]);
  assert.equal(at('https://www.example.org/a/x'), 'host=1; all=2; safe=4');
  assert.equal(at('http://www.example.org/a/b/c/d'), 'deep=3; host=1; all=2');
  assert.equal(at('http://api.example.org/a'), 'all=2');
  assert.equal(at('http://badexample.org/'), '');
  assert.equal(at('https://www.example.org/ab'), 'all=2; safe=4');
  jar.keep(from, ['all=; Domain=example.org; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT', 'host=9; Max-Age=60']);
  assert.equal(at('https://www.example.org/a/x'), 'host=9; safe=4');
});
