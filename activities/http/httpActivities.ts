import { setTimeout as pause } from 'node:timers/promises';

import { cancellationSignal } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';

import { failure } from '../failure.ts';
import type { Host, OpenHost, ResolveSecret } from '../hosts/host.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import type { HttpActivities, HttpAnswer, HttpRequest } from './http.contract.ts';
import { sendRequest } from './sendRequest.ts';

export function createHttpActivities({ openHost, resolveSecret }: { openHost: OpenHost; resolveSecret: ResolveSecret }): HttpActivities {
  const ask = async (host: Host, request: HttpRequest, accept: number[]): Promise<HttpAnswer> => {
    const answer = await sendRequest(host, resolveSecret, request, cancellationSignal());
    if (accept.includes(answer.status)) return answer;
    const told = answer.text ?? (answer.json === undefined ? 'no body' : JSON.stringify(answer.json));
    throw failure(
      'HttpUnexpectedAnswer',
      `${request.method} ${host.ref.name}:${request.port}${request.path} answered ${answer.status}, wanted ${accept.join(' or ')}: ${told.slice(0, 300)}`,
      { status: answer.status },
    );
  };

  return {
    requestHttp: async ({ host, request, accept }) =>
      withHeartbeat(
        () => ({ path: request.path }),
        async () => ask(await openHost(host), request, accept),
      ),

    requestHttpAll: async ({ host: ref, requests, accept }) => {
      const answers: HttpAnswer[] = [];
      return withHeartbeat(
        () => ({ answered: answers.length, of: requests.length }),
        async () => {
          const host = await openHost(ref);
          for (const request of requests) answers.push(await ask(host, request, accept));
          return answers;
        },
      );
    },

    waitForHttp: async ({ host: ref, request, accept, limitSeconds }) => {
      const beganMs = performance.now();
      let last: ApplicationFailure | null = null;
      return withHeartbeat(
        () => ({ path: request.path, last: last?.message ?? null, elapsedSeconds: secondsSince(beganMs) }),
        async () => {
          for (let pauseMs = 300; ; pauseMs = Math.min(pauseMs * 1.5, 3_000)) {
            try {
              return await ask(await openHost(ref), request, accept);
            } catch (error) {
              if (!(error instanceof ApplicationFailure) || error.nonRetryable) throw error;
              last = error;
            }
            if (secondsSince(beganMs) >= limitSeconds)
              throw failure(
                last.type === 'HttpUnexpectedAnswer' ? 'HttpUnexpectedAnswer' : 'HttpUnreachable',
                `after ${limitSeconds} s still: ${last.message}`,
              );
            await pause(pauseMs, undefined, { signal: cancellationSignal() });
          }
        },
      );
    },
  };
}
