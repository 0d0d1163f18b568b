import { setTimeout as pause } from 'node:timers/promises';

import { failure } from '../failure.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { whyNoAnswer } from '../tools/whyNoAnswer.ts';

/** The site gives no more at a time. */
const pageRows = 100;
const pageLimitMs = 30_000;
const triesMax = 4;

export type OpenDataRecord = Record<string, unknown>;

export interface OpenDataFetch {
  url: string;
  rowsMax: number;
  signal: AbortSignal;
  /** First pause before a page is asked for again; doubles. Default 500 ms. */
  pauseMs?: number;
  onPage?: (rows: number) => void;
}

/**
 * The first `rowsMax` records of the list. A page that fails with a 5xx, 429 or no answer is asked for again.
 * Fails with HttpUnreachable, HttpUnexpectedAnswer, CredentialsRejected, InvalidInput.
 */
export async function fetchOpenData({ url, rowsMax, signal, pauseMs = 500, onPage }: OpenDataFetch): Promise<{
  records: OpenDataRecord[];
  totalCount: number;
}> {
  const list = URL.parse(url);
  if (!list || !/^https?:$/.test(list.protocol)) throw failure('InvalidInput', 'the address of the open data must be an http(s) URL');
  const place = `open data at ${list.host}`;
  const records: OpenDataRecord[] = [];
  let totalCount: number | undefined;
  do {
    const address = new URL(list);
    address.searchParams.set('limit', String(Math.min(pageRows, rowsMax - records.length)));
    address.searchParams.set('offset', String(records.length));
    const page = readPage(await fetchPage(address, { place, signal, pauseMs }), place, records.length);
    totalCount ??= page.totalCount;
    if (page.totalCount !== totalCount)
      throw failure(
        'HttpUnexpectedAnswer',
        `${place}: the list had ${totalCount} rows and has ${page.totalCount} now: it changed while it was read`,
      );
    if (totalCount === 0) throw failure('HttpUnexpectedAnswer', `${place}: the list is empty`);
    if (page.results.length === 0)
      throw failure('HttpUnexpectedAnswer', `${place}: announced ${totalCount} rows and gave none from row ${records.length} on`);
    records.push(...page.results);
    onPage?.(records.length);
  } while (records.length < Math.min(totalCount, rowsMax));
  const expected = Math.min(totalCount, rowsMax);
  if (records.length !== expected)
    throw failure('HttpUnexpectedAnswer', `${place}: ${expected} rows were asked for, ${records.length} came`);
  return { records, totalCount };
}

async function fetchPage(
  address: URL,
  { place, signal, pauseMs }: { place: string; signal: AbortSignal; pauseMs: number },
): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted();
    const answer = await ask(address, signal);
    if ('text' in answer) return answer.text;
    const { status, why } = answer;
    if (status === 401 || status === 403) throw failure('CredentialsRejected', `${place} answered ${status}`, { status });
    const mayPass = status === undefined || status >= 500 || status === 429;
    if (!mayPass || attempt === triesMax)
      throw failure(
        status === undefined ? 'HttpUnreachable' : 'HttpUnexpectedAnswer',
        `${place}: ${why}${attempt > 1 ? `, ${attempt} times` : ''}`,
        { status: status ?? null },
      );
    await pause(pauseMs * 2 ** (attempt - 1), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw cancellationOf(signal);
  }
}

async function ask(address: URL, signal: AbortSignal): Promise<{ text: string } | { status?: number; why: string }> {
  const timeOut = AbortSignal.timeout(pageLimitMs);
  try {
    const response = await fetch(address, { headers: { accept: 'application/json' }, signal: AbortSignal.any([signal, timeOut]) });
    if (response.ok) return { text: await response.text() };
    await response.body?.cancel();
    return { status: response.status, why: `answered ${response.status}` };
  } catch (error) {
    if (signal.aborted) throw cancellationOf(signal);
    if (timeOut.aborted) return { why: `no whole answer within ${pageLimitMs / 1000} s` };
    return { why: whyNoAnswer(error) };
  }
}

function readPage(text: string, place: string, offset: number): { totalCount: number; results: OpenDataRecord[] } {
  const wrong = (what: string): Error => failure('HttpUnexpectedAnswer', `${place}: the page from row ${offset} on ${what}`);
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch {
    throw wrong(`is not JSON (${text.length} characters): cut short, or another page`);
  }
  const { total_count: totalCount, results } = (page ?? {}) as { total_count?: unknown; results?: unknown };
  if (typeof totalCount !== 'number' || !Number.isInteger(totalCount) || totalCount < 0) throw wrong('has no total_count');
  if (!Array.isArray(results)) throw wrong('has no results');
  const bad = results.findIndex((each) => typeof each !== 'object' || each === null || Array.isArray(each));
  if (bad !== -1) throw wrong(`holds at row ${offset + bad} something that is not a record`);
  return { totalCount, results: results as OpenDataRecord[] };
}
