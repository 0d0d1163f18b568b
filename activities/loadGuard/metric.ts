import { setTimeout as pause } from 'node:timers/promises';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { fetchPage, isGood, NoAnswer } from '../http/fetchPage.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import type { LoadReading, MetricReading, MetricSource } from './loadGuard.contract.ts';
import { readSamples, type Sample } from './prometheusText.ts';

const pageBytesMax = 8_000_000;

/** What the endpoint says, in words, is no reason to fail: the reading has no value then. */
class Unreadable extends Error {}

export async function readMetric(
  { name, limit, url, token, read, timeoutSeconds }: MetricSource,
  { resolveSecret, signal }: { resolveSecret: ResolveSecret; signal: AbortSignal },
): Promise<LoadReading> {
  const address = URL.parse(await resolveSecret(url));
  if (!address || !/^https?:$/.test(address.protocol))
    throw failure('InvalidInput', `load of ${name}: secret "${url}" is not an http or https URL`);
  const authorization = token === undefined ? undefined : await resolveSecret(token);
  const page = (): Promise<string> => readPage(address, { authorization, timeoutSeconds, signal });
  try {
    const value = await valueOf(read, page, signal);
    const rounded = Math.round(value * 10) / 10;
    return { name, value: rounded, breached: value > limit, said: `${name} ${rounded} % (limit ${limit})` };
  } catch (error) {
    if (signal.aborted) throw cancellationOf(signal);
    if (!(error instanceof Unreadable)) throw error;
    return { name, value: null, breached: false, said: `${name} cannot be read: ${error.message}` };
  }
}

async function readPage(
  address: URL,
  { authorization, timeoutSeconds, signal }: { authorization: string | undefined; timeoutSeconds: number; signal: AbortSignal },
): Promise<string> {
  const page = await fetchPage({
    ...{ address, limitSeconds: timeoutSeconds, cancelled: signal, bytesMax: pageBytesMax },
    headers: authorization === undefined ? {} : { authorization },
  }).catch((error: unknown) => {
    throw error instanceof NoAnswer ? new Unreadable(error.message) : error;
  });
  if (!isGood(page)) throw new Unreadable(`status ${page.status}`);
  return page.body.toString('utf8');
}

async function valueOf(read: MetricReading, page: () => Promise<string>, signal: AbortSignal): Promise<number> {
  switch (read.form) {
    case 'field':
      return number(fieldOf(await page(), read.field), read.field) * read.factor;
    case 'series': {
      const found = samplesOf(await page(), read);
      const [sample, ...others] = found;
      if (!sample) throw new Unreadable(`there is no ${describe(read)}`);
      if (others.length > 0) throw new Unreadable(`${found.length} series are ${describe(read)}: name more labels`);
      return number(sample.value, read.metric) * read.factor;
    }
    case 'idleSeconds': {
      const before = processorSeconds(samplesOf(await page(), read));
      await pause(read.apartSeconds * 1000, undefined, { signal });
      const after = processorSeconds(samplesOf(await page(), read));
      const passed = after.all - before.all;
      if (!(passed > 0)) throw new Unreadable(`${describe(read)} did not grow in ${read.apartSeconds} s`);
      return (1 - (after.idle - before.idle) / passed) * 100;
    }
  }
}

/** Time spent waiting for disks is idle too: the processor could have been used. */
function processorSeconds(samples: readonly Sample[]): { idle: number; all: number } {
  const sum = (chosen: readonly Sample[]): number => chosen.reduce((total, { value }) => total + value, 0);
  return { idle: sum(samples.filter(({ labels }) => labels.mode === 'idle' || labels.mode === 'iowait')), all: sum(samples) };
}

function samplesOf(text: string, { metric, labels }: { metric: string; labels: Record<string, string> }): Sample[] {
  return readSamples(text, metric).filter((sample) => Object.entries(labels).every(([name, value]) => sample.labels[name] === value));
}

function describe({ metric, labels }: { metric: string; labels: Record<string, string> }): string {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return wanted.length > 0 ? `${metric}{${wanted.join(',')}}` : metric;
}

function fieldOf(text: string, path: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Unreadable('the answer is not JSON');
  }
  for (const key of path.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return value;
}

function number(value: unknown, of: string): number {
  const read = typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (!Number.isFinite(read)) throw new Unreadable(`${of} is not a number`);
  return read;
}
