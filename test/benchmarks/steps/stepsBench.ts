import { createHostActivities } from '../../../activities/hosts/hostActivities.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { Bench, Figure, Section } from '../bench.contract.ts';
import { busyShare } from '../busyShare.ts';
import { ratios, summarise } from '../statistics.ts';
import { createAnsible, ensureAnsible } from './ansible.ts';
import { openSshEnd } from './sshEnd.ts';
import { bundleSteps, openStepServer, type MeasuredRun, type StepServer } from './stepServer.ts';
import type { EmptyActivities } from './steps.workflow.ts';
import type { StepTime } from './stepTimes.ts';

const steps = 100;
const warmUpSteps = 30;

/** What a step costs on each server, what of it is Temporal's and what is SSH's, and the same work by Ansible. */
export async function measureSteps(bench: Bench): Promise<Section> {
  const end = await openSshEnd(bench);
  const hosts = createHosts({ resolveSecret: end.resolveSecret });
  bench.atEnd(() => hosts.close());
  const empty: EmptyActivities = { doNothing: async () => {} };
  const activities = { ...createHostActivities({ openHost: hosts.openHost, now: () => new Date() }), ...empty };
  const bundle = await bundleSteps();
  const servers = {
    memory: await openStepServer('memory', bench, bundle, activities),
    file: await openStepServer('file', bench, bundle, activities),
  };
  const ansible = (await ensureAnsible(bench.say)) ? createAnsible(bench, end) : null;
  const remote = (server: StepServer, count = steps): Promise<MeasuredRun> =>
    server.run('benchRemoteSteps', { host: end.ref, steps: count });
  const alone = (server: StepServer, count = steps): Promise<MeasuredRun> => server.run('benchEmptySteps', { steps: count });
  const ssh = async (count = steps): Promise<number[]> => {
    const host = await hosts.openHost(end.ref);
    const times: number[] = [];
    for (let step = 0; step < count; step += 1) {
      const beganMs = performance.now();
      await host.run(['true'], { timeoutSeconds: 60 });
      times.push(performance.now() - beganMs);
    }
    return times;
  };

  bench.say('steps: warm-up');
  for (const server of [servers.memory, servers.file]) {
    await remote(server, warmUpSteps);
    await alone(server, warmUpSteps);
  }
  await ansible?.run('command', 1);
  await ansible?.run('raw', 1);

  const seen = {
    memory: [] as MeasuredRun[],
    file: [] as MeasuredRun[],
    memoryAlone: [] as MeasuredRun[],
    fileAlone: [] as MeasuredRun[],
    ssh: [] as number[][],
    command: [] as number[],
    commandOne: [] as number[],
    raw: [] as number[],
    busy: [] as number[],
  };
  for (let round = 1; round <= bench.rounds && !bench.signal.aborted; round += 1) {
    seen.busy.push(await busyShare());
    bench.say(`steps: round ${round} of ${bench.rounds}`);
    seen.memory.push(await remote(servers.memory));
    if (ansible) seen.command.push(await ansible.run('command', steps));
    seen.file.push(await remote(servers.file));
    if (ansible) seen.raw.push(await ansible.run('raw', steps));
    seen.memoryAlone.push(await alone(servers.memory));
    seen.fileAlone.push(await alone(servers.file));
    seen.ssh.push(await ssh());
    if (ansible) seen.commandOne.push(await ansible.run('command', 1));
  }

  const seconds = (runs: MeasuredRun[]): number[] => runs.map((run) => run.seconds);
  const figures: Figure[] = [
    { ...step('remote step, server in memory', seen.memory), target: { atMost: 15 } },
    { ...step('remote step, server on a file database', seen.file), target: { atMost: 30 } },
    step('Temporal alone, in memory', seen.memoryAlone),
    step('Temporal alone, file database', seen.fileAlone),
    { what: 'SSH alone: `true` over the kept connection', unit: 'ms', values: seen.ssh.map((times) => summarise(times).median) },
    ...breakdown('in memory', seen.memory),
    ...breakdown('file database', seen.file),
    { what: `${steps} remote steps, ours, in memory`, unit: 's', values: seconds(seen.memory) },
    { what: `${steps} remote steps, ours, file database`, unit: 's', values: seconds(seen.file) },
  ];
  if (ansible)
    figures.push(
      { what: `${steps} tasks, Ansible (command)`, unit: 's', values: seen.command },
      { what: '1 task, Ansible (command): its own start', unit: 's', values: seen.commandOne },
      { what: `${steps} tasks, Ansible (raw: no module, no result read)`, unit: 's', values: seen.raw },
      {
        what: 'ratio Ansible (command) / ours in memory',
        unit: 'x',
        values: ratios(seen.command, seconds(seen.memory)),
        target: { atLeast: 5 },
      },
      {
        what: 'ratio Ansible (command) / ours file database',
        unit: 'x',
        values: ratios(seen.command, seconds(seen.file)),
        target: { atLeast: 5 },
      },
      { what: 'ratio Ansible (raw) / ours in memory', unit: 'x', values: ratios(seen.raw, seconds(seen.memory)) },
      { what: 'ratio Ansible (raw) / ours file database', unit: 'x', values: ratios(seen.raw, seconds(seen.file)) },
    );
  return {
    title: 'Orchestration: steps that run `true` on a host, one after the other',
    figures,
    notes: [
      `${steps} steps a run, ${bench.rounds} rounds in turn after a warm-up of ${warmUpSteps}; host: ${end.served}. "Step" is the median of a run's steps by the server's clock.`,
      'A step of ours is durable: its command, result and time are in the history, and a worker that dies is replaced. Ansible keeps nothing.',
      ansible
        ? 'Ansible: pipelining, ControlPersist (the connection stays open between runs), no facts; the seconds are those of the whole process, ours from start request to result.'
        : 'Ansible was NOT MEASURED: it is not installed here.',
      `Processors busy by others before the rounds: ${seen.busy.map((share) => `${(share * 100).toFixed(0)} %`).join(', ')}.`,
    ],
  };
}

function step(what: string, runs: MeasuredRun[]): Figure {
  return { what, unit: 'ms', values: medians(runs, 'whole') };
}

function breakdown(where: string, runs: MeasuredRun[]): Figure[] {
  const parts: [keyof StepTime, string][] = [
    ['activityPickup', 'activity scheduled until the worker has it'],
    ['activity', 'activity and its result (SSH inside)'],
    ['workflowPickup', 'result until the worker has the workflow task'],
    ['workflow', 'workflow task and its answer'],
  ];
  return parts.map(([part, what]) => ({ what: `  of it, ${where}: ${what}`, unit: 'ms', values: medians(runs, part) }));
}

function medians(runs: MeasuredRun[], part: keyof StepTime): number[] {
  return runs.map((run) => summarise(run.steps.map((each) => each[part])).median);
}
