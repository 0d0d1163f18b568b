import { holdId } from '../names.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { step } from '../runbook/plan.ts';
import { procedure, type Procedure } from '../runbook/procedure.ts';
import { probe } from '../runbook/profiles.ts';
import type { PlanReport } from '../runbook/runbook.contract.ts';
import { onHost } from './commands.ts';
import type { VitamInput, VitamRequest } from './inputs.schema.ts';
import { setKey } from './night.ts';
import { parseJournal } from './preflight.ts';
import { backupDirectory, journalFile, manifestFile, setNamePattern, setsOf } from './setNames.ts';
import type { VitamComponent, VitamPlatform } from './platform.contract.ts';
import type { ServiceStatus, StatusFacts, StatusReport } from './status.contract.ts';

type Request = VitamRequest<'vitamStatus'>;

const atOnceMax = 8;
const phase = 'Look';

function planStatus(platform: VitamPlatform) {
  const catalog = platform.backup.catalogHost;
  return {
    services: step(phase, 'services', `state, port and status call of ${platform.components.length} components`, {
      commands: platform.components.flatMap(({ unit, hosts }) => hosts.map((host) => onHost(host, `systemctl show ${unit}`))),
    }),
    sets: step(phase, 'sets', `health of ${setsOf(platform).length} replica sets`),
    balancers: step(phase, 'balancers', 'balancers'),
    runs: step(phase, 'runs', 'whether a run holds the platform, or was lost', { host: catalog.name }),
    lastGoodSet: step(phase, 'lastGoodSet', 'newest good set', { host: catalog.name }),
  };
}

export const status: Procedure<Request, ReturnType<typeof planStatus>> = {
  type: 'vitamStatus',
  system: 'vitam',
  plan: ({ platform }) => planStatus(platform),
  holds: () => [],
  policy: ({ platform }) => ({ ...platform.policy, onStepFailure: 'unwind' }),
};

/**
 * What of a VITAM platform is up, what is down and since when: states, ports and status calls of every component (vitam 17).
 *
 * Runbook   vitam 17 in deploy/systems/vitam.md: ports plus autotest of every component; replica sets; balancers.
 * Downtime  none; reads only.
 * Needs     hosts reachable; those that are not are listed as faults.
 * On error  answers all the same, with the faults.
 * To stop   cancel or terminate; both are harmless.
 */
export async function vitamStatus(input: VitamInput<'vitamStatus'>): Promise<StatusReport | PlanReport> {
  return procedure(status, input, async ({ request: { platform, things }, plan, run }): Promise<StatusFacts> => {
    const faults: string[] = [];
    const attempt = async <Result>(what: string, ask: () => Promise<Result>): Promise<Result | null> => {
      try {
        return await ask();
      } catch (error) {
        if (isCancellation(error)) throw error;
        faults.push(`${what}: ${describeFailure(error).message}`);
        return null;
      }
    };
    const places = platform.components.flatMap((component) => component.hosts.map((host) => ({ component, host })));
    const services = await run.step(plan.services, () =>
      inParallel(places, atOnceMax, ({ component, host }) => serviceStatus(component, host)),
    );
    const sets = await run.step(plan.sets, () =>
      inParallel(setsOf(platform), atOnceMax, ({ cluster, set }) =>
        attempt(setKey(cluster, set), () => probe(`health of ${setKey(cluster, set)}`).checkReplicaSet({ set })),
      ),
    );
    const balancers = await run.step(plan.balancers, () =>
      inParallel(platform.clusters, atOnceMax, (cluster) =>
        attempt(`balancer of ${cluster.name}`, async () => ({
          cluster: cluster.name,
          ...(await probe(`balancer of ${cluster.name}`).readBalancer({ cluster })),
        })),
      ),
    );
    const { heldBy, lostRun } = await run.step(plan.runs, async () => {
      const catalog = platform.backup.catalogHost;
      const journal = await attempt('run journal', () => probe('run journal').readTextFile({ host: catalog, path: journalFile(platform) }));
      const lost = journal ? parseJournal(journal) : null;
      const holds = await inParallel(things, atOnceMax, (thing) =>
        attempt(`who holds ${thing}`, () => probe(`who holds ${thing}?`).describeRun({ workflowId: holdId(thing) })),
      );
      const hold = holds.find((each) => each?.status === 'RUNNING');
      const held = hold ? { workflowId: hold.parentWorkflowId ?? hold.workflowId, sinceAt: hold.startedAt } : null;
      return { heldBy: held, lostRun: lost && !held ? { workflowId: lost.workflowId, beganAt: lost.beganAt } : null };
    });
    const lastGoodSet = await run.step(plan.lastGoodSet, () => attempt('sets', () => newestGoodSet(platform)));

    const replicaSets = sets.filter((each) => each !== null);
    const down = [
      ...services
        .filter(({ up }) => !up)
        .map(({ unit, host, state, fault }) => ({ what: `${unit} on ${host}`, sinceAt: state?.sinceAt ?? null, fault: fault ?? 'down' })),
      ...replicaSets.flatMap(({ name, faults: some }) => some.map((fault) => ({ what: name, sinceAt: null, fault }))),
    ];
    const up = services.filter((each) => each.up).length;
    const verdict = down.length === 0 && faults.length === 0 ? 'up' : up === 0 ? 'down' : 'degraded';
    for (const { what, sinceAt, fault } of down) run.warn(`down: ${what}${sinceAt ? ` since ${sinceAt}` : ''}: ${fault}`);
    for (const fault of faults) run.warn(fault);
    if (lostRun) run.warn(`run ${lostRun.workflowId} of ${lostRun.beganAt} did not end: start vitamStart`);
    return {
      takenAt: new Date().toISOString(),
      verdict,
      up,
      down,
      services,
      replicaSets,
      balancers: balancers.filter((each) => each !== null),
      heldBy,
      lostRun,
      lastGoodSet,
      faults,
    };
  });
}

async function serviceStatus(component: VitamComponent, host: VitamComponent['hosts'][number]): Promise<ServiceStatus> {
  const base = { component: component.name, unit: component.unit, host: host.name };
  try {
    const state = await probe(`state of ${component.unit} on ${host.name}`).readServiceState({
      host,
      unit: component.unit,
      ports: [component.servicePort],
    });
    const closed = state.ports.filter(({ open }) => !open).map(({ port }) => port);
    if (state.condition !== 'running' || closed.length > 0)
      return {
        ...base,
        up: false,
        state,
        httpStatus: null,
        fault: closed.length > 0 ? `${state.said}, port ${closed.join(', ')} closed` : state.said,
      };
    const { status } = component;
    if (!status) return { ...base, up: true, state, httpStatus: null, fault: null };
    const request = {
      method: 'GET' as const,
      scheme: status.scheme,
      port: status.port,
      path: status.path,
      timeoutSeconds: 20,
      ...(status.tls ? { tls: status.tls } : {}),
    };
    const answer = await probe(`autotest of ${component.unit} on ${host.name}`).requestHttp({ host, request, accept: status.accept });
    return { ...base, up: true, state, httpStatus: answer.status, fault: null };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { ...base, up: false, state: null, httpStatus: null, fault: describeFailure(error).message };
  }
}

async function newestGoodSet(platform: VitamPlatform): Promise<string | null> {
  const host = platform.backup.catalogHost;
  const names = (await probe('sets on the catalog host').listDirectory({ host, path: backupDirectory(platform, host) }))
    .filter((name) => setNamePattern.test(name))
    .sort()
    .reverse();
  for (const name of names)
    if (await probe(`manifest of ${name}`).readFileState({ host, path: manifestFile(platform, host, name) })) return name;
  return null;
}
