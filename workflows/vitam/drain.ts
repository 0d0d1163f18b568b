import { sleep } from '@temporalio/workflow';

import { failure } from '../../activities/failure.ts';
import type { HttpAnswer, HttpRequest } from '../../activities/http/http.contract.ts';
import { pauseBetweenLooks } from '../runbook/alongside.ts';
import { patient } from '../runbook/profiles.ts';
import type { Night } from './night.ts';
import { apiRequest, hostsOf } from './vitamApi.ts';

interface Operation {
  operationId: string;
  globalState: string;
  stepStatus: string;
  tenant: number;
}

/**
 * Waits until no workflow runs on processing, over every tenant and every processing host (vitam 18). RUNNING must be 0; PAUSE and
 * FATAL go by the platform's policy (vitam 19): persisted workflows come back at the start.
 */
export async function drainWorkflows(night: Night): Promise<void> {
  const { platform, run, plan } = night;
  const { drain } = platform;
  await run.step(plan.drain, async (record) => {
    const beganMs = Date.now();
    const deadline = beganMs + drain.limitSeconds * 1000;
    const accepted = new Set<string>();
    for (;;) {
      const open = await activeOperations(night);
      const running = open.filter(({ globalState }) => globalState === 'RUNNING');
      const stuck = open.filter((operation) => operation.globalState !== 'RUNNING' && !accepted.has(operation.operationId));
      record.note = `${running.length} running, ${open.length - running.length} paused`;
      if (running.length === 0) {
        const waitOn = await judgeStuck(night, stuck, accepted);
        if (waitOn === 0) {
          night.workflowsLeft = open.length === 0 ? 'none' : `${open.length} in state PAUSE, kept by VITAM`;
          record.note = night.workflowsLeft === 'none' ? 'no workflow left' : night.workflowsLeft;
          return;
        }
      }
      if (Date.now() >= deadline) throw stillActive(open, drain.limitSeconds);
      await sleep(pauseBetweenLooks(beganMs, drain.pollSeconds * 1000), {
        summary: `${running.length} workflows run, ${stuck.length} are paused`,
      });
    }
  });
}

async function activeOperations({ platform }: Night): Promise<Operation[]> {
  const hosts = hostsOf(platform, platform.processing);
  const found: Operation[] = [];
  for (const { host, component } of hosts) {
    const requests: HttpRequest[] = platform.tenants.map((tenant) =>
      apiRequest(component, { method: 'GET', path: '/processing/v1/operations', tenant, body: { states: ['PAUSE', 'RUNNING'] } }),
    );
    const answers = await patient(`workflows on ${component.unit}, ${host.name}`, component.limits.apiSeconds * 2).requestHttpAll({
      host,
      requests,
      accept: [200],
    });
    answers.forEach((answer, index) => found.push(...operationsOf(answer, platform.tenants[index] ?? -1)));
  }
  return found;
}

interface OperationsAnswer {
  $hits?: { total?: number };
  $results?: { operationId?: string; globalState?: string; stepStatus?: string }[];
}

/** An answer that is not of the known shape is a failure: "no workflow" is never guessed. */
function operationsOf(answer: HttpAnswer, tenant: number): Operation[] {
  const body = answer.json as OperationsAnswer | undefined;
  const total = body?.$hits?.total;
  if (typeof total !== 'number' || !Array.isArray(body?.$results))
    throw failure('HttpUnexpectedAnswer', `processing answered without $hits.total and $results for tenant ${tenant}`);
  const operations = body.$results.map(({ operationId, globalState, stepStatus }) => ({
    operationId: operationId ?? 'unknown',
    globalState: globalState ?? 'RUNNING',
    stepStatus: stepStatus ?? 'UNKNOWN',
    tenant,
  }));
  const active = operations.filter(({ globalState }) => globalState === 'RUNNING' || globalState === 'PAUSE');
  // More hits than rows: the rest counts as running.
  const missing = Math.max(0, total - operations.length);
  return [
    ...active,
    ...Array.from({ length: missing }, (_, index) => ({
      operationId: `not listed ${index + 1}`,
      globalState: 'RUNNING',
      stepStatus: 'UNKNOWN',
      tenant,
    })),
  ];
}

/** How many paused workflows still have to be waited for. Asks once per workflow. */
async function judgeStuck({ platform, run }: Night, stuck: Operation[], accepted: Set<string>): Promise<number> {
  const { drain } = platform;
  let waitOn = 0;
  for (const kind of ['FATAL', 'PAUSE'] as const) {
    const some = stuck.filter(({ stepStatus }) => (stepStatus === 'FATAL') === (kind === 'FATAL'));
    if (some.length === 0) continue;
    const policy = kind === 'FATAL' ? drain.fatal : drain.paused;
    const named = some.map(({ operationId, tenant }) => `${operationId} (tenant ${tenant})`).join(', ');
    const choice =
      policy === 'ask'
        ? await run.ask({
            id: `workflows-${kind.toLowerCase()}`,
            text: `${some.length} workflows are ${kind}: ${named.slice(0, 500)}. Go on without them (they are kept), wait, or abort?`,
            choices: ['accept', 'wait', 'abort'],
            // FATAL ones sit there for good, so waiting is no answer; the backup of a platform with them is a person's decision.
            default: kind === 'FATAL' ? 'abort' : 'accept',
          })
        : policy;
    if (choice === 'abort') throw failure('WorkflowsStillActive', `${some.length} workflows are ${kind}: ${named.slice(0, 800)}`);
    if (choice === 'wait') {
      waitOn += some.length;
      continue;
    }
    for (const { operationId } of some) accepted.add(operationId);
    run.warn(`${some.length} workflows are ${kind} and were accepted: ${named.slice(0, 300)}`);
  }
  return waitOn;
}

function stillActive(open: Operation[], limitSeconds: number): Error {
  const named = open
    .slice(0, 20)
    .map(({ operationId, tenant, globalState, stepStatus }) => `${operationId} (tenant ${tenant}, ${globalState} ${stepStatus})`);
  return failure('WorkflowsStillActive', `${open.length} workflows are still active after ${limitSeconds} s: ${named.join(', ')}`, {
    workflows: open.length,
  });
}
