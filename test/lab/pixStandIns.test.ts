import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startApplicationStandIn } from '../../deploy/lab/pix/standIns/applicationStandIn.ts';
import { startLcmsStandIn, type LcmsFaults } from '../../deploy/lab/pix/standIns/lcmsStandIn.ts';
import { learningContentTables, type LearningContent } from '../../deploy/lab/pix/standIns/learningContent.ts';
import { openDataPath, startOpenDataStandIn, type CpfRecord } from '../../deploy/lab/pix/standIns/openDataStandIn.ts';
import { startWebhookReceiverStandIn } from '../../deploy/lab/pix/standIns/webhookReceiverStandIn.ts';
import { waitUntil } from '../support/waitUntil.ts';

const key = 'lcms-key';
const known = { authorization: `Bearer ${key}`, client: 'pix-db-replication' };
const ends: (() => Promise<void>)[] = [];
after(async () => {
  for (const end of ends) await end();
});

/** Ends it with the test file. */
function kept<StandIn extends { stop: () => Promise<void> }>(standIn: StandIn): StandIn {
  ends.push(standIn.stop);
  return standIn;
}

const lcms = kept(await startLcmsStandIn({ key }));
const getContent = (signal?: AbortSignal): Promise<Response> =>
  fetch(`${lcms.url}/databases/airtable`, { headers: known, ...(signal ? { signal } : {}) });

/** Whether a request has reached the stand-in and is not answered; the caller then gives up. */
async function staysOpen(requests: unknown[], ask: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const giveUp = new AbortController();
  const before = requests.length;
  let answered = false;
  const asked = ask(giveUp.signal).then(
    () => (answered = true),
    () => undefined,
  );
  await waitUntil('the stand-in has the request', () => requests.length > before);
  assert.equal(answered, false);
  giveUp.abort();
  await asked;
  assert.equal(answered, false);
}

describe('the stand-in for LCMS', () => {
  it('gives all tables to who has the token and says who it is, and to nobody else', async () => {
    assert.equal((await fetch(`${lcms.url}/databases/airtable`)).status, 401);
    assert.equal((await fetch(`${lcms.url}/databases/airtable`, { headers: { ...known, client: 'somebody' } })).status, 400);
    assert.equal((await fetch(`${lcms.url}/databases`, { headers: known })).status, 404);
    const content = (await (await getContent()).json()) as LearningContent;
    for (const table of learningContentTables) {
      const ids = content[table].map(({ id }) => id);
      assert.ok(ids.length > 0, table);
      assert.equal(new Set(ids).size, ids.length, table);
    }
    const elements = content.tutorials.flatMap(({ furtherInformation }) => (furtherInformation ?? []) as string[]);
    for (const sign of [',', '{', '"', '\n', '\\', '日'])
      assert.ok(
        elements.some((element) => element.includes(sign)),
        sign,
      );
  });

  it('fails as it is told, so often as it is told', async () => {
    const bodyWith = async (faults: LcmsFaults): Promise<LearningContent> => {
      lcms.set(faults);
      return (await (await getContent()).json()) as LearningContent;
    };
    assert.equal((await bodyWith({ kind: 'missingArray', table: 'courses' })).courses, undefined);
    assert.equal((await bodyWith({ kind: 'itemWithoutId', table: 'tubes' })).tubes.filter(({ id }) => id === undefined).length, 1);
    assert.equal((await bodyWith({ kind: 'wrongValue' })).skills.filter(({ level }) => level === 'much').length, 1);
    assert.equal((await bodyWith({ kind: 'missingBoolean' })).challenges.filter(({ autoReply }) => autoReply === undefined).length, 1);
    lcms.set({ kind: 'emptyBody' });
    assert.equal(await (await getContent()).text(), '');
    lcms.set({ kind: 'notJson' });
    await assert.rejects((await getContent()).json());
    lcms.set({ kind: 'unauthorized' });
    assert.equal((await getContent()).status, 401);
    lcms.set({ kind: 'serverError', times: 2 });
    const statuses = [await getContent(), await getContent(), await getContent()].map(({ status }) => status);
    assert.deepEqual(statuses, [500, 500, 200]);
  });

  it('can stay silent, from the beginning or in the middle of its answer', async () => {
    lcms.set({ kind: 'never' });
    await staysOpen(lcms.requests, getContent);
    lcms.set({ kind: 'stalls' });
    await staysOpen(lcms.requests, async (signal) => (await getContent(signal)).text());
    lcms.set({});
    assert.equal((await getContent()).status, 200);
  });
});

describe('the stand-in for receivers of webhooks', () => {
  it('keeps every delivery with its headers, also the same one twice', async () => {
    const receiver = kept(await startWebhookReceiverStandIn());
    for (const path of ['/a', '/a', '/b'])
      await fetch(`${receiver.url}${path}`, {
        method: 'POST',
        body: '{}',
        headers: { authorization: 'token', 'idempotency-key': 'run-1' },
      });
    assert.deepEqual(
      receiver.requests.map(({ method, path, body, headers }) => [method, path, body, headers.authorization, headers['idempotency-key']]),
      ['/a', '/a', '/b'].map((path) => ['POST', path, '{}', 'token', 'run-1']),
    );
  });

  it('refuses so many deliveries of an address, or hangs, and takes those of the others', async () => {
    const receiver = kept(await startWebhookReceiverStandIn());
    const post = async (path: string, signal?: AbortSignal): Promise<number> =>
      (await fetch(`${receiver.url}${path}`, { method: 'POST', body: '{}', ...(signal ? { signal } : {}) })).status;
    receiver.set({ '/a': { failTimes: 2 }, '/c': { hangs: true }, '*': { status: 418, failTimes: 1 } });
    assert.deepEqual([await post('/a'), await post('/a'), await post('/a')], [500, 500, 200]);
    assert.deepEqual([await post('/b'), await post('/b')], [418, 200]);
    await staysOpen(receiver.requests, (signal) => post('/c', signal));
  });
});

describe('the stand-in for the open-data site', () => {
  it('gives its list in pages and refuses larger ones', async () => {
    const site = kept(await startOpenDataStandIn({ rows: 250 }));
    const page = async (offset: number): Promise<{ total_count: number; results: CpfRecord[] }> =>
      (await (await fetch(`${site.url}${openDataPath}?limit=100&offset=${offset}`)).json()) as {
        total_count: number;
        results: CpfRecord[];
      };
    const pages = [await page(0), await page(100), await page(200), await page(300)];
    assert.deepEqual(
      pages.map(({ total_count, results }) => [total_count, results.length]),
      [
        [250, 100],
        [250, 100],
        [250, 50],
        [250, 0],
      ],
    );
    assert.equal(new Set(pages.flatMap(({ results }) => results.map(({ siren }) => siren))).size, 250);
    assert.equal((await fetch(`${site.url}${openDataPath}?limit=101`)).status, 400);
    site.set({ kind: 'empty' });
    assert.deepEqual(await page(0), { total_count: 0, results: [] });
    site.set({ kind: 'serverError' });
    assert.equal((await fetch(`${site.url}${openDataPath}`)).status, 500);
  });
});

describe('the stand-in for an application', () => {
  it('answers as slowly as it is told, and ends with its open connections', async () => {
    const application = kept(await startApplicationStandIn());
    assert.equal((await fetch(application.url)).status, 200);
    application.set({ responseMs: 600_000 });
    await staysOpen(application.requests, (signal) => fetch(application.url, { signal }));
    application.set({ responseMs: 1, status: 503 });
    assert.equal((await fetch(application.url)).status, 503);
    application.set({ hangs: true });
    const open = assert.rejects(fetch(application.url));
    await waitUntil('the request is there', () => application.requests.length === 4);
    await application.stop();
    await open;
  });
});

describe('a stand-in as a process', () => {
  it('tells its address, takes faults and tells requests over HTTP, and ends by a signal', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pix-stand-in-'));
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, `${key}\n`);
    const program = fileURLToPath(new URL('../../deploy/lab/pix/standIns/pixStandIn.ts', import.meta.url));
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, 'lcms', '--key-file', keyFile], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(child.stdout, 'data')) as [Buffer];
      const { url } = JSON.parse(line.toString()) as { url: string };
      const ask = async (): Promise<number> => (await fetch(`${url}/databases/airtable`, { headers: known })).status;
      assert.equal(await ask(), 200);
      await fetch(`${url}/lab/faults`, { method: 'PUT', body: JSON.stringify({ kind: 'serverError' }) });
      assert.equal(await ask(), 500);
      const requests = (await (await fetch(`${url}/lab/requests`)).json()) as { path: string }[];
      assert.deepEqual(
        requests.map(({ path }) => path),
        ['/databases/airtable', '/databases/airtable'],
      );
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      assert.equal((await exit)[0], 0);
    } finally {
      child.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
