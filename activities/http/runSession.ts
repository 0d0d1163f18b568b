import { failure } from '../failure.ts';
import type { Host, ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { endOf, redact, showControlCharacters } from '../tools/redact.ts';
import type { SessionAnswer, SessionInput, SessionStep, SessionValue, StepAnswer } from './httpSession.contract.ts';
import { readSecureContext } from './secureConnection.ts';
import { openBrowser, type Browser, type SessionPage } from './sessionRequest.ts';

/** A logout after a cancellation must not keep it waiting. */
const afterCancelSeconds = 10;

interface Running {
  host: Host | undefined;
  resolveSecret: ResolveSecret;
  cancelled: AbortSignal;
  onStep: (name: string) => void;
}

/** All steps of a session, one after the other. Throws InvalidInput, SecretMissing, CredentialsRejected (for https), or the cancellation. */
export async function runSession(
  { tls = {}, steps }: SessionInput,
  { host, resolveSecret, cancelled, onStep }: Running,
): Promise<SessionAnswer> {
  for (const step of steps) checkPatterns(step);
  const secrets = await readSecrets(steps, resolveSecret);
  const mask = (text: string): string =>
    showControlCharacters(
      redact(
        text,
        [...secrets.values()].flatMap((value) => [
          value,
          encodeURIComponent(value),
          new URLSearchParams({ '': value }).toString().slice(1),
        ]),
      ),
    );
  const browser = openBrowser(host, await readSecureContext(tls, resolveSecret));
  const known: Known = { secrets, found: new Map(), page: undefined };
  const answers: StepAnswer[] = [];
  try {
    for (const step of steps) {
      if (!step.always && (cancelled.aborted || answers.some(({ failed }) => failed !== null))) {
        answers.push({ ...blank(step), failed: 'not done' });
        continue;
      }
      onStep(step.name);
      const limitSeconds = cancelled.aborted ? Math.min(step.timeoutSeconds, afterCancelSeconds) : step.timeoutSeconds;
      const timeOut = AbortSignal.timeout(Math.ceil(limitSeconds * 1000));
      const signal = cancelled.aborted ? timeOut : AbortSignal.any([cancelled, timeOut]);
      const answer = await takeStep(browser, step, known, signal).catch((error: unknown): StepAnswer => {
        const why = timeOut.aborted ? `no whole answer within ${limitSeconds} s` : error instanceof Error ? error.message : String(error);
        return { ...blank(step), failed: cancelled.aborted ? 'cancelled' : why, elapsedMs: 0 };
      });
      answers.push({
        ...answer,
        ...{
          failed: answer.failed === null ? null : endOf(mask(answer.failed), 500),
          url: mask(answer.url),
          redirects: answer.redirects.map(mask),
        },
        found: Object.fromEntries(Object.entries(answer.found).map(([name, text]) => [name, mask(text)])),
      });
    }
  } finally {
    browser.close();
  }
  if (cancelled.aborted) throw cancellationOf(cancelled);
  return { isGood: answers.every(({ failed }) => failed === null), steps: answers };
}

interface Known {
  secrets: ReadonlyMap<string, string>;
  found: Map<string, string>;
  /** Where the step before ended. */
  page: URL | undefined;
}

async function takeStep(browser: Browser, step: SessionStep, known: Known, signal: AbortSignal): Promise<StepAnswer> {
  const url = URL.parse(fill(step.url, known), known.page?.href);
  if (!url || !/^https?:$/.test(url.protocol)) throw new Error(`${step.url} is no address after ${known.page?.href ?? 'no page'}`);
  const body = step.form === undefined ? undefined : new URLSearchParams(fillAll(step.form, known)).toString();
  const beganMs = performance.now();
  const page = await browser.ask({ url, headers: fillAll(step.headers ?? {}, known), body }, signal);
  const elapsedMs = Math.round(performance.now() - beganMs);
  known.page = page.url;
  const found: Record<string, string> = {};
  let failed = judge(step, page);
  for (const [name, pattern] of Object.entries(failed === null ? (step.find ?? {}) : {})) {
    const match = new RegExp(pattern, 'm').exec(page.text);
    if (!match) {
      failed ??= `${name} was not found: ${pattern}`;
      continue;
    }
    found[name] = readEntities(match[1] ?? match[0]);
    known.found.set(name, found[name]);
  }
  const { status, bytes, redirects } = page;
  return { name: step.name, failed, status, elapsedMs, bytes, url: page.url.href, redirects, found };
}

/** Why the page is not what was expected; null when it is. */
function judge({ expect = {} }: SessionStep, { status, url, text }: SessionPage): string | null {
  const { status: accepted, url: address, text: wanted, absent } = expect;
  if (accepted ? !accepted.includes(status) : status >= 400)
    return `status ${status}${accepted ? ` (expected: ${accepted.join(', ')})` : ''}`;
  if (address !== undefined && !new RegExp(address).test(url.href)) return `it ended at ${url.href}, expected ${address}`;
  if (wanted !== undefined && !new RegExp(wanted, 'm').test(text)) return `the page does not hold ${wanted}`;
  if (absent !== undefined && new RegExp(absent, 'm').test(text)) return `the page holds ${absent}`;
  return null;
}

function fill(value: SessionValue, { secrets, found }: Known): string {
  if (typeof value !== 'string') return secrets.get(value.secret) ?? '';
  return value.replace(/\{\{([^{}]+)\}\}/g, (_, name: string) => {
    const text = found.get(name);
    if (text === undefined) throw new Error(`no step before has found ${name}`);
    return text;
  });
}

function fillAll(values: Record<string, SessionValue>, known: Known): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, fill(value, known)]));
}

async function readSecrets(steps: readonly SessionStep[], resolveSecret: ResolveSecret): Promise<Map<string, string>> {
  const values = steps.flatMap(({ form = {}, headers = {} }) => [...Object.values(form), ...Object.values(headers)]);
  const names = new Set(values.flatMap((value) => (typeof value === 'string' ? [] : [value.secret])));
  return new Map(await Promise.all([...names].map(async (name) => [name, await resolveSecret(name)] as const)));
}

/** Said before anything is sent. */
function checkPatterns({ name, find = {}, expect = {} }: SessionStep): void {
  for (const pattern of [...Object.values(find), expect.url, expect.text, expect.absent])
    try {
      new RegExp(pattern ?? '', 'm');
    } catch {
      throw failure('InvalidInput', `step ${name}: ${JSON.stringify(pattern)} is no regular expression`);
    }
}

function blank({ name }: SessionStep): Omit<StepAnswer, 'failed'> {
  return { name, status: 0, elapsedMs: 0, bytes: 0, url: '', redirects: [], found: {} };
}

/** A text in an attribute of a page, as it was meant. */
function readEntities(text: string): string {
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return named[name.toLowerCase()] ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
