import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { ServiceCondition, ServiceState } from '../../../activities/services/services.contract.ts';
import { createServiceActivities } from '../../../activities/services/serviceActivities.ts';
import type { LabUnit } from '../../../deploy/lab/machines/machines.contract.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { systemdMissing } from '../../support/systemdMissing.ts';
import { startSystemdMachine, type SystemdMachine } from '../hosts/systemdMachine.ts';
import { serverCommand } from './serverCommand.ts';

const clean: ServiceCondition[] = ['stopped'];
const ports = { plain: 9001, slow: 9002, jvm: 9003, stubborn: 9004, mute: 9005, held: 9006, killed: 9007 };
/** Longer than a busy machine takes for anything that succeeds. */
const patienceSeconds = 300;
/** As long as it is there, what is held does not end. */
const hold = '/run/nightshift-test-hold';
const unitOf = (name: string, command: string[], changes: Partial<LabUnit> = {}): LabUnit => ({
  name,
  kind: 'service',
  command,
  environment: {},
  stopWaitSeconds: 30,
  cleanExitStatuses: [],
  ...changes,
});
const shell = (script: string): string[] => ['/bin/sh', '-c', script];

describe('services under systemd', { skip: await systemdMissing('services') }, () => {
  let machine: SystemdMachine;
  let hosts: ReturnType<typeof createHosts>;
  let services: ReturnType<typeof createServiceActivities>;
  const unit = (name: string, ...of: number[]): { host: SystemdMachine['ref']; unit: string; ports: number[] } => ({
    host: machine.ref,
    unit: name,
    ports: of,
  });
  const read = (name: string, ...of: number[]): Promise<ServiceState> => runActivity(() => services.readServiceState(unit(name, ...of)));
  const start = (name: string, port?: number, limitSeconds = patienceSeconds) =>
    runActivity(() => services.startService({ ...unit(name, ...(port ? [port] : [])), limitSeconds }));
  const stop = (name: string, port?: number, acceptedConditions = clean, limitSeconds = patienceSeconds) =>
    runActivity(() => services.stopService({ ...unit(name, ...(port ? [port] : [])), acceptedConditions, limitSeconds }));

  const onMachine = async (command: string[], input = ''): Promise<unknown> => (await hosts.openHost(machine.ref)).run(command, { input });
  /** Has the unit stopped by a call that nobody waits for. */
  const orderStop = async (name: string, port: number): Promise<void> => {
    const stopping = beginActivity(() =>
      services.stopService({ ...unit(name, port), acceptedConditions: clean, limitSeconds: patienceSeconds }),
    );
    await waitUntil('it is stopping', async () => (await read(name)).condition === 'stopping');
    stopping.cancel();
    await assert.rejects(stopping.result, { name: 'CancelledFailure' });
  };

  before(async () => {
    machine = await startSystemdMachine('services', [
      unitOf('plain', serverCommand(ports.plain)),
      unitOf('slow', serverCommand(ports.slow, { listenMs: 1_500, endMs: 1_500 })),
      unitOf('held', serverCommand(ports.held, { heldBy: hold }), { stopWaitSeconds: 3_600 }),
      unitOf('jvm', serverCommand(ports.jvm, { status: 143 })),
      unitOf('stubborn', serverCommand(ports.stubborn, { stubborn: true }), { stopWaitSeconds: 3_600 }),
      unitOf('killed', serverCommand(ports.killed, { stubborn: true }), { stopWaitSeconds: 1 }),
      unitOf('mute', shell('exec sleep 600')),
      unitOf('dying', shell('echo cannot bind the port >&2; exit 3')),
      unitOf('later', shell('sleep 0.7; exit 5')),
      unitOf('job', shell(`while [ -e ${hold} ]; do sleep 0.05; done; exit 0`), { kind: 'oneshot' }),
      unitOf('bad-job', shell('sleep 0.5; exit 4'), { kind: 'oneshot' }),
    ]);
    hosts = createHosts({ resolveSecret: (name) => machine.resolveSecret(name) });
    services = createServiceActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
  });
  after(async () => {
    await hosts?.close();
    await machine?.down();
  });

  test('are started and stopped, each twice the same', async () => {
    assert.equal((await read('plain', ports.plain)).condition, 'stopped');
    const beganMs = Date.now();
    const first = await start('plain', ports.plain);
    assert.deepEqual([first.alreadySo, first.state.condition, first.state.ports], [false, 'running', [{ port: ports.plain, open: true }]]);
    assert.ok((first.state.processId ?? 0) > 1);
    const startedMs = Date.parse(first.state.lastStartAt ?? '');
    assert.ok(startedMs >= beganMs - 1_000 && startedMs <= Date.now(), first.state.lastStartAt);
    assert.equal((await start('plain.service', ports.plain)).alreadySo, true);
    const stopped = await stop('plain', ports.plain);
    assert.deepEqual([stopped.alreadySo, stopped.state.condition], [false, 'stopped']);
    assert.equal((await stop('plain', ports.plain)).alreadySo, true);
  });

  test('are waited for when they start and stop slowly, also when the start comes while it is stopping', async () => {
    assert.equal((await start('slow', ports.slow)).state.ports[0]?.open, true);
    assert.equal((await stop('slow', ports.slow)).state.condition, 'stopped');
    const { processId } = (await start('held', ports.held)).state;
    await onMachine(['touch', hold]);
    await orderStop('held', ports.held);
    const starting = beginActivity(() => services.startService({ ...unit('held', ports.held), limitSeconds: patienceSeconds }));
    await waitUntil('the start waits', () => JSON.stringify(starting.heartbeats).includes('stopping'));
    await onMachine(['rm', hold]);
    const { state } = await starting.result;
    assert.equal(state.condition, 'running');
    assert.notEqual(state.processId, processId);
    assert.equal((await stop('held', ports.held)).state.condition, 'stopped');
  });

  test('whose end counts as failed are stopped only for callers that accept it, and start again', async () => {
    await start('jvm', ports.jvm);
    await assert.rejects(stop('jvm', ports.jvm), {
      type: 'ServiceNotStopped',
      message: /did not end cleanly: failed \(failed, exit-code\), exit status 143/,
    });
    const accepted = await stop('jvm', ports.jvm, ['stopped', 'failed']);
    assert.deepEqual([accepted.alreadySo, accepted.state.condition, accepted.state.exitStatus], [true, 'failed', 143]);
    assert.equal((await start('jvm', ports.jvm)).state.condition, 'running');
    assert.equal((await stop('jvm', ports.jvm, ['stopped', 'failed'])).state.condition, 'failed');
  });

  test('that refuse to stop fail at the limit, and when systemd kills them later that is told', async () => {
    await start('stubborn', ports.stubborn);
    await orderStop('stubborn', ports.stubborn);
    await assert.rejects(stop('stubborn', ports.stubborn, clean, 1), {
      type: 'ServiceNotStopped',
      message: /not stopped within 1 s: deactivating/,
    });
    await start('killed', ports.killed);
    await assert.rejects(stop('killed', ports.killed), {
      type: 'ServiceNotStopped',
      message: /failed \(failed, timeout\), exit status 137/,
    });
  });

  test('that die at once fail to start, with the last lines of the journal', async () => {
    await assert.rejects(start('dying'), {
      type: 'ServiceNotStarted',
      message: /failed \(failed, exit-code\), exit status 3.*cannot bind the port/s,
    });
    await assert.rejects(start('dying'), { type: 'ServiceNotStarted' });
    await assert.rejects(start('later'), { type: 'ServiceNotStarted', message: /exit status 5/ });
  });

  test('are started although they failed too often before', async () => {
    for (let time = 0; time < 6; time += 1) await assert.rejects(start('dying'), { type: 'ServiceNotStarted', message: /exit status 3/ });
  });

  test('that run with a closed port are not started', async () => {
    await start('mute');
    await assert.rejects(start('mute', ports.mute, 2), {
      type: 'ServiceNotStarted',
      message: /within 2 s: active \(running\), port 9005 closed/,
    });
    await stop('mute', undefined, ['stopped', 'failed']);
  });

  test('that run once are triggered without waiting, and tell their end', async () => {
    // systemd forgets how a unit ended well unless another refers to it, as the timer of such a job does.
    const timer = '[Timer]\nOnCalendar=2099-01-01\n';
    await onMachine(['sh', '-c', 'cat >/etc/systemd/system/job.timer && systemctl daemon-reload && systemctl start job.timer'], timer);
    await onMachine(['touch', hold]);
    const beforeMs = Math.floor(Date.now() / 1000) * 1000;
    for (const name of ['job', 'bad-job']) await runActivity(() => services.triggerService(unit(name)));
    assert.equal((await read('job')).condition, 'starting');
    await runActivity(() => services.triggerService(unit('job')));
    await onMachine(['rm', hold]);
    await waitUntil(
      'both have ended',
      async () => (await read('job')).condition === 'stopped' && (await read('bad-job')).condition === 'failed',
    );
    const [good, bad] = [await read('job'), await read('bad-job')];
    assert.deepEqual([good.exitStatus, bad.exitStatus], [0, 4]);
    assert.ok(Date.parse(good.lastStartAt ?? '') >= beforeMs, good.lastStartAt);
  });

  test('that nobody knows are told as such', async () => {
    for (const call of [read('nobody'), start('nobody'), stop('nobody'), runActivity(() => services.triggerService(unit('nobody')))]) {
      await assert.rejects(call, { type: 'UnknownUnit' });
    }
  });

  test('of a machine without power are not reachable, and known again after its return', async () => {
    await machine.machines.powerOff('services');
    await assert.rejects(read('plain'), { type: 'HostUnreachable' });
    await machine.machines.powerOn('services');
    await waitUntil('it answers', async () => (await read('plain').catch(() => undefined))?.condition === 'stopped', 300_000);
  });
});
