import { setTimeout as pause } from 'node:timers/promises';

import { ApplicationFailure } from '@temporalio/common';

import { failure } from '../failure.ts';
import type { ResolveSecret } from '../hosts/host.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { secondsSince } from '../tools/withHeartbeat.ts';
import { openAgents } from './agents.ts';
import { exchange, type Exchange } from './exchange.ts';
import type { HttpAnswer } from './http.contract.ts';

type Asking = Omit<Exchange, 'agent'> & { resolveSecret: ResolveSecret };

const pauseFirstMs = 300;
const pauseMaxMs = 3_000;
const pauseGrowth = 1.5;
/** Even a wait without time asks once, and every request has the time that a service on a busy machine takes to answer; the wait may end so much later. */
const lastAskSeconds = 10;

/** Asks again and again until an accepted answer comes or the limit is met; the failure tells what was seen last. */
export async function waitForAnswer(ask: Asking, limitSeconds: number): Promise<HttpAnswer> {
  const beganMs = performance.now();
  const remainingMs = (): number => limitSeconds * 1000 - (performance.now() - beganMs);
  let pauseMs = pauseFirstMs;
  for (let count = 1; ; count += 1) {
    const timeoutSeconds = Math.min(ask.request.timeoutSeconds, Math.max(remainingMs() / 1000, lastAskSeconds));
    const seen = await askOnce({ ...ask, timeoutSeconds }).catch((error: unknown) => {
      // What no repetition can mend is thrown at once, and so is a cancellation.
      if (!(error instanceof ApplicationFailure) || error.nonRetryable) throw error;
      return error;
    });
    if (!(seen instanceof ApplicationFailure)) return seen;
    if (remainingMs() <= pauseMs) throw describe(ask, seen, limitSeconds, secondsSince(beganMs), count);
    await pause(pauseMs, undefined, { signal: ask.cancelled }).catch(() => {
      throw cancellationOf(ask.cancelled);
    });
    pauseMs = Math.min(pauseMs * pauseGrowth, pauseMaxMs);
  }
}

/** Over a connection of its own: the earlier one may be what was wrong. */
async function askOnce(ask: Asking): Promise<HttpAnswer> {
  const agents = openAgents(ask.host, ask.resolveSecret);
  try {
    return await exchange({ ...ask, agent: agents.for(ask.request) });
  } finally {
    agents.close();
  }
}

function describe(ask: Asking, last: ApplicationFailure, limitSeconds: number, elapsedSeconds: number, count: number): ApplicationFailure {
  const type = last.type === 'HttpUnexpectedAnswer' ? 'HttpUnexpectedAnswer' : 'HttpUnreachable';
  const seen = last.message.replace(/\. Remedy: .*$/s, '');
  const [facts] = (last.details ?? []) as [Record<string, unknown>?];
  return failure(
    type,
    `no accepted answer within ${limitSeconds} s (${count} requests in ${elapsedSeconds} s); the last: ${seen}`,
    { host: ask.host.ref.name, port: ask.request.port, ...facts },
    last,
  );
}
