import { fetchPage, NoAnswer } from '../http/fetchPage.ts';
import type { LoadReading, ResponseTimeSource } from './loadGuard.contract.ts';

/** Enough for a page; of an endless one no more is waited for. */
const pageBytesMax = 4_000_000;

/** One GET, from the worker's own point of view. Redirects are not followed: they are an answer. */
export async function readResponseTime(
  { name, url, limit, timeoutSeconds }: ResponseTimeSource,
  cancelled: AbortSignal,
): Promise<LoadReading> {
  const breach = (what: string): LoadReading => ({ name, value: null, breached: true, said: `${name} ${what} (limit ${limit} ms)` });
  try {
    const { status, elapsedMs: value } = await fetchPage({ address: url, limitSeconds: timeoutSeconds, cancelled, bytesMax: pageBytesMax });
    if (status >= 500) return { ...breach(`answered ${status} after ${value} ms`), value };
    return { name, value, breached: value > limit, said: `${name} ${value} ms (limit ${limit})` };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return breach(error.tooLate ? `gave ${error.message}` : `cannot be reached: ${error.message}`);
  }
}
