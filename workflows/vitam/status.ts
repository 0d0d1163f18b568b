import { setCurrentDetails } from '@temporalio/workflow';

import { platformLockId } from '../names.contract.ts';
import { describeFailure, isCancellation } from '../runbook/failures.ts';
import { inParallel } from '../runbook/inParallel.ts';
import { probe } from '../runbook/profiles.ts';
import { readInput } from '../runbook/readInput.ts';
import { setKey, setsOf } from './night.ts';
import { parseJournal } from './preflight.ts';
import { backupDirectory, journalFile, manifestFile, setNamePattern } from './setNames.ts';
import type { VitamComponent, VitamPlatform } from './platform.contract.ts';
import type { ServiceStatus, StatusInput, StatusReport, StatusRequest } from './status.contract.ts';

const atOnceMax = 8;

/**
 * What of a VITAM platform is up, what is down and since when: states, ports and status calls of every component (vitam 17).
 *
 * Runbook   vitam 17 in deploy/systems/vitam.md: ports plus autotest of every component; replica sets; balancers.
 * Downtime  none; reads only.
 * Needs     hosts reachable; those that are not are listed as faults.
 * On error  answers all the same, with the faults.
 * To stop   cancel or terminate; both are harmless.
 */
export async function vitamStatus(input: StatusInput): Promise<StatusReport> {
  const { platform } = await readInput<StatusRequest>('vitamStatus', input);
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
  const services = await inParallel(places, atOnceMax, ({ component, host }) => serviceStatus(component, host));
  const sets = await inParallel(setsOf(platform), atOnceMax, ({ cluster, set }) =>
    attempt(setKey(cluster, set), () => probe(`health of ${setKey(cluster, set)}`).checkReplicaSet({ set })),
  );
  const balancers = await inParallel(platform.clusters, atOnceMax, (cluster) =>
    attempt(`balancer of ${cluster.name}`, async () => ({
      cluster: cluster.name,
      ...(await probe(`balancer of ${cluster.name}`).readBalancer({ cluster })),
    })),
  );
  const catalog = platform.backup.catalogHost;
  const journal = await attempt('run journal', () => probe('run journal').readTextFile({ host: catalog, path: journalFile(platform) }));
  const lost = journal ? parseJournal(journal) : null;
  const lock = await attempt('platform lock', () =>
    probe('who holds the platform?').describeRun({ workflowId: platformLockId('vitam', platform.name) }),
  );
  const lastGoodSet = await attempt('sets', () => newestGoodSet(platform));

  const replicaSets = sets.filter((each) => each !== null);
  const down = [
    ...services
      .filter(({ up }) => !up)
      .map(({ unit, host, state, fault }) => ({ what: `${unit} on ${host}`, sinceAt: state?.sinceAt ?? null, fault: fault ?? 'down' })),
    ...replicaSets.flatMap(({ name, faults: some }) => some.map((fault) => ({ what: name, sinceAt: null, fault }))),
  ];
  const up = services.filter((each) => each.up).length;
  const held = lock?.status === 'RUNNING' ? { workflowId: lock.parentWorkflowId ?? lock.workflowId, sinceAt: lock.startedAt } : null;
  const report: StatusReport = {
    platform: platform.name,
    takenAt: new Date().toISOString(),
    verdict: down.length === 0 && faults.length === 0 ? 'up' : up === 0 ? 'down' : 'degraded',
    up,
    down,
    services,
    replicaSets,
    balancers: balancers.filter((each) => each !== null),
    heldBy: held,
    lostRun: lost && !held ? { workflowId: lost.workflowId, beganAt: lost.beganAt } : null,
    lastGoodSet,
    faults,
  };
  setCurrentDetails(statusDetails(report));
  return report;
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

function statusDetails(report: StatusReport): string {
  const lines = [
    `**${report.platform}: ${report.verdict}** — ${report.up} of ${report.services.length} services up at ${report.takenAt}`,
    '',
  ];
  if (report.heldBy) lines.push(`held by run \`${report.heldBy.workflowId}\` since ${report.heldBy.sinceAt}`, '');
  if (report.lostRun) lines.push(`**run \`${report.lostRun.workflowId}\` of ${report.lostRun.beganAt} did not end**: start vitamStart`, '');
  lines.push(
    ...report.down
      .slice(0, 60)
      .map(({ what, sinceAt, fault }) => `- **down** ${what}${sinceAt ? ` since ${sinceAt}` : ''}: ${fault.slice(0, 200)}`),
  );
  lines.push(
    ...report.balancers.map(({ cluster, mode }) => `- balancer of ${cluster}: ${mode}`),
    `- last good set: ${report.lastGoodSet ?? 'none'}`,
  );
  return lines.join('\n').slice(0, 16_000);
}
