import { cancellationSignal } from '@temporalio/activity';

import type { Host, OpenHost, ResolveSecret } from '../hosts/host.ts';
import type { HostRef } from '../hosts/hosts.contract.ts';
import { cancellationOf } from '../tools/cancellation.ts';
import { unlessAborted } from '../tools/unlessAborted.ts';
import { secondsSince, withHeartbeat } from '../tools/withHeartbeat.ts';
import { openAgents } from './agents.ts';
import { exchange } from './exchange.ts';
import type { HttpActivities, HttpAnswer, HttpRequest } from './http.contract.ts';
import { runSession } from './runSession.ts';
import { waitForAnswer } from './waitForAnswer.ts';

export interface HttpDependencies {
  openHost: OpenHost;
  resolveSecret: ResolveSecret;
}

export function createHttpActivities({ openHost, resolveSecret }: HttpDependencies): HttpActivities {
  const open = (ref: HostRef, cancelled: AbortSignal): Promise<Host> =>
    unlessAborted(openHost(ref), [cancelled]).catch((error: unknown) => {
      throw cancelled.aborted ? cancellationOf(cancelled) : error;
    });

  const onHost = async <T>(ref: HostRef, ask: (host: Host, cancelled: AbortSignal) => Promise<T>): Promise<T> => {
    const beganMs = performance.now();
    const cancelled = cancellationSignal();
    const work = async (): Promise<T> => ask(await open(ref, cancelled), cancelled);
    return withHeartbeat(() => ({ elapsedSeconds: secondsSince(beganMs) }), work);
  };

  const requestAll = (ref: HostRef, requests: HttpRequest[], accept: number[]): Promise<HttpAnswer[]> =>
    onHost(ref, async (host, cancelled) => {
      const agents = openAgents(host, resolveSecret);
      try {
        const answers: HttpAnswer[] = [];
        for (const request of requests) answers.push(await exchange({ host, agent: agents.for(request), request, accept, cancelled }));
        return answers;
      } finally {
        agents.close();
      }
    });

  return {
    async requestHttp({ host, request, accept }) {
      const [answer] = await requestAll(host, [request], accept);
      return answer as HttpAnswer;
    },

    requestHttpAll: ({ host, requests, accept }) => requestAll(host, requests, accept),

    async runHttpSession(input) {
      const beganMs = performance.now();
      const cancelled = cancellationSignal();
      let step = '';
      const onStep = (name: string): void => void (step = name);
      return withHeartbeat(
        () => ({ step, elapsedSeconds: secondsSince(beganMs) }),
        async () => {
          const host = input.host && (await open(input.host, cancelled));
          return runSession(input, { host, resolveSecret, cancelled, onStep });
        },
      );
    },

    waitForHttp: ({ host: ref, request, accept, limitSeconds }) =>
      onHost(ref, (host, cancelled) => waitForAnswer({ host, request, accept, cancelled, resolveSecret }, limitSeconds)),
  };
}
