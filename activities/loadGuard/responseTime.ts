import { cancellationOf } from '../tools/cancellation.ts';
import { codeOfNoAnswer } from '../tools/whyNoAnswer.ts';
import type { LoadReading, ResponseTimeSource } from './loadGuard.contract.ts';
import { toTheEnd } from './webPage.ts';

/** One GET, from the worker's own point of view. Redirects are not followed: they are an answer. */
export async function readResponseTime(
  { name, url, limit, timeoutSeconds }: ResponseTimeSource,
  cancelled: AbortSignal,
): Promise<LoadReading> {
  const timeOut = AbortSignal.timeout(timeoutSeconds * 1000);
  const beganMs = performance.now();
  const breach = (what: string): LoadReading => ({ name, value: null, breached: true, said: `${name} ${what} (limit ${limit} ms)` });
  try {
    const response = await fetch(url, { redirect: 'manual', signal: AbortSignal.any([cancelled, timeOut]) });
    await toTheEnd(response);
    const value = Math.round(performance.now() - beganMs);
    if (response.status >= 500) return { ...breach(`answered ${response.status} after ${value} ms`), value };
    return { name, value, breached: value > limit, said: `${name} ${value} ms (limit ${limit})` };
  } catch (error) {
    if (cancelled.aborted) throw cancellationOf(cancelled);
    if (timeOut.aborted) return breach(`gave no answer within ${timeoutSeconds} s`);
    return breach(`cannot be reached: ${codeOfNoAnswer(error)}`);
  }
}
