import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { freePort } from '../../../deploy/lab/freePort.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import type { ServiceCondition, ServiceState } from '../../../activities/services/services.contract.ts';
import { createServiceActivities } from '../../../activities/services/serviceActivities.ts';
import { beginActivity, runActivity } from '../../support/runActivity.ts';
import { isRunning } from '../hosts/sshServer.ts';
import { waitUntil } from '../../support/waitUntil.ts';
import { serverCommand } from './serverCommand.ts';
import { startSupervisord, type Supervisord } from './supervisord.ts';

const clean: ServiceCondition[] = ['stopped'];
/** Longer than a busy machine takes for anything that succeeds. */
const limitSeconds = 300;

describe('services under supervisord', () => {
  let supervisord: Supervisord;
  let stubbornId: number | undefined;
  let ports: Record<'plain' | 'slow' | 'held' | 'stubborn' | 'mute', number>;
  let directory: string;
  let hold: string;
  const hosts = createHosts({ resolveSecret: async () => '' });
  const services = createServiceActivities({ openHost: hosts.openHost, resolveSecret: async () => '' });
  const unit = (name: string, ...of: number[]): { host: Supervisord['ref']; unit: string; ports: number[] } => ({
    host: supervisord.ref,
    unit: name,
    ports: of,
  });
  const read = (name: string, ...of: number[]): Promise<ServiceState> => runActivity(() => services.readServiceState(unit(name, ...of)));

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nightshift-services-'));
    hold = join(directory, 'hold');
    ports = { plain: await freePort(), slow: await freePort(), held: await freePort(), stubborn: await freePort(), mute: await freePort() };
    const shell = (script: string): string[] => ['/bin/sh', '-c', script];
    supervisord = await startSupervisord({
      plain: { command: serverCommand(ports.plain), settings: { startsecs: '0' } },
      slow: { command: serverCommand(ports.slow, { listenMs: 1_500, endMs: 1_500 }), settings: { startsecs: '1' } },
      held: { command: serverCommand(ports.held, { heldBy: hold }), settings: { startsecs: '0', stopwaitsecs: '3600' } },
      stubborn: { command: serverCommand(ports.stubborn, { stubborn: true }), settings: { startsecs: '0', stopwaitsecs: '3600' } },
      mute: { command: shell('exec sleep 600'), settings: { startsecs: '0' } },
      dying: { command: shell('echo cannot bind the port >&2; exit 3'), settings: { startsecs: '1' } },
      later: { command: shell('sleep 0.6; exit 5'), settings: { startsecs: '0' } },
      job: { command: shell('sleep 0.5; exit 0'), settings: { startsecs: '0' } },
      'job-143': { command: shell('exit 143'), settings: { startsecs: '0', exitcodes: '0,143' } },
    });
  });
  after(async () => {
    rmSync(directory, { recursive: true, force: true });
    // It ignores TERM and would hold up the end of supervisord.
    if (stubbornId && isRunning(stubbornId)) process.kill(stubbornId, 'SIGKILL');
    await supervisord?.stop();
    await hosts.close();
  });

  test('tells a stopped program, and reads nothing into it', async () => {
    assert.deepEqual(await read('plain', ports.plain), {
      condition: 'stopped',
      said: 'STOPPED Not started',
      ports: [{ port: ports.plain, open: false }],
    });
  });

  test('starts a program, twice the same, and tells process, time and port', async () => {
    const beganMs = Date.now();
    const first = await runActivity(() => services.startService({ ...unit('plain', ports.plain), limitSeconds }));
    assert.equal(first.alreadySo, false);
    assert.equal(first.state.condition, 'running');
    assert.deepEqual(first.state.ports, [{ port: ports.plain, open: true }]);
    const state = await read('plain', ports.plain);
    assert.equal(isRunning(state.processId ?? 0), true);
    // Told in whole seconds, of a clock and a duration.
    const startedMs = Date.parse(state.lastStartAt ?? '');
    assert.ok(startedMs >= beganMs - 2_000 && startedMs <= Date.now(), state.lastStartAt);
    const second = await runActivity(() => services.startService({ ...unit('plain', ports.plain), limitSeconds }));
    assert.equal(second.alreadySo, true);
    assert.equal(second.state.processId, state.processId);
  });

  test('takes the full unit name of systemd for the program', async () => {
    assert.equal((await read('plain.service', ports.plain)).condition, 'running');
  });

  test('stops a program, twice the same', async () => {
    const first = await runActivity(() => services.stopService({ ...unit('plain', ports.plain), acceptedConditions: clean, limitSeconds }));
    assert.deepEqual([first.alreadySo, first.state.condition, first.state.ports[0]?.open], [false, 'stopped', false]);
    const second = await runActivity(() =>
      services.stopService({ ...unit('plain', ports.plain), acceptedConditions: clean, limitSeconds }),
    );
    assert.equal(second.alreadySo, true);
  });

  test('waits for the port of a slow start and for a slow end, with heartbeats', async () => {
    const start = beginActivity(() => services.startService({ ...unit('slow', ports.slow), limitSeconds }));
    assert.equal((await start.result).state.ports[0]?.open, true);
    assert.ok(start.heartbeats.length > 0, JSON.stringify(start.heartbeats));
    assert.deepEqual(Object.keys(start.heartbeats.at(-1) as object), ['condition', 'said', 'elapsedSeconds']);
    const stop = await runActivity(() => services.stopService({ ...unit('slow', ports.slow), acceptedConditions: clean, limitSeconds }));
    assert.ok(stop.elapsedSeconds >= 1);
  });

  test('answers when the ports are open where that is enough, and asked again it has lived', async () => {
    const asked = { ...unit('slow', ports.slow), limitSeconds };
    const early = await runActivity(() => services.startService({ ...asked, waitFor: 'ports' }));
    assert.deepEqual([early.alreadySo, early.state.ports], [false, [{ port: ports.slow, open: true }]]);
    assert.equal((await runActivity(() => services.startService(asked))).state.condition, 'running');
    await runActivity(() => services.stopService({ ...unit('slow', ports.slow), acceptedConditions: clean, limitSeconds }));
    await assert.rejects(
      runActivity(() => services.startService({ ...unit('dying', ports.mute), limitSeconds, waitFor: 'ports' })),
      { type: 'ServiceNotStarted' },
    );
  });

  test('waits for a program that is stopping before it starts it', async () => {
    const held = { ...unit('held', ports.held), limitSeconds };
    const { processId } = (await runActivity(() => services.startService(held))).state;
    writeFileSync(hold, '');
    const stop = beginActivity(() => services.stopService({ ...held, acceptedConditions: clean }));
    await waitUntil('it is stopping', async () => (await read('held')).condition === 'stopping');
    stop.cancel();
    await assert.rejects(stop.result, { name: 'CancelledFailure' });
    const start = beginActivity(() => services.startService(held));
    await waitUntil('the start waits', () => JSON.stringify(start.heartbeats).includes('stopping'));
    rmSync(hold);
    const { state } = await start.result;
    assert.equal(state.condition, 'running');
    assert.notEqual(state.processId, processId);
    await runActivity(() => services.stopService({ ...held, acceptedConditions: clean }));
  });

  test('fails with ServiceNotStarted and the last words when the program dies at once', async () => {
    await assert.rejects(
      runActivity(() => services.startService({ ...unit('dying'), limitSeconds })),
      { type: 'ServiceNotStarted', message: /dying on supervised .*(FATAL|EXITED).*cannot bind the port/s },
    );
    assert.equal((await read('dying')).condition, 'failed');
  });

  test('fails with ServiceNotStarted when it runs and its port stays closed', async () => {
    await runActivity(() => services.startService({ ...unit('mute'), limitSeconds }));
    await assert.rejects(
      runActivity(() => services.startService({ ...unit('mute', ports.mute), limitSeconds: 2 })),
      { type: 'ServiceNotStarted', message: new RegExp(`not started within 2 s: RUNNING.*port ${ports.mute} closed`) },
    );
    await runActivity(() => services.stopService({ ...unit('mute', ports.mute), acceptedConditions: clean, limitSeconds }));
  });

  test('fails with ServiceNotStarted when the order itself takes longer than the limit', async () => {
    const { serviceManager } = supervisord.ref;
    assert.equal(serviceManager.kind, 'supervisor');
    // Of supervisor's library: a look is quick, an order is not.
    writeFileSync(join(directory, 'supervisorctl'), `#!/bin/sh\nexec '${serviceManager.command}' "$@"\n`, { mode: 0o755 });
    writeFileSync(join(directory, 'python3'), '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
    const host = { ...supervisord.ref, serviceManager: { ...serviceManager, command: join(directory, 'supervisorctl') } };
    await assert.rejects(
      runActivity(() => services.startService({ host, unit: 'mute', ports: [], limitSeconds: 0.5 })),
      { type: 'ServiceNotStarted', message: /not started within 0.5 s: STOPPED/ },
    );
  });

  test('fails with ServiceNotStarted when it dies between the two looks', async () => {
    await assert.rejects(
      runActivity(() => services.startService({ ...unit('later'), limitSeconds })),
      { type: 'ServiceNotStarted', message: /exit status 5/ },
    );
  });

  test('does not take a program that ended badly for a stopped one, unless that is accepted', async () => {
    await assert.rejects(
      runActivity(() => services.stopService({ ...unit('later'), acceptedConditions: clean, limitSeconds })),
      { type: 'ServiceNotStopped', message: /later on supervised did not end cleanly: EXITED \(exit status 5, not expected\)/ },
    );
    const accepted = await runActivity(() =>
      services.stopService({ ...unit('later'), acceptedConditions: ['stopped', 'failed'], limitSeconds }),
    );
    assert.deepEqual([accepted.state.condition, accepted.state.exitStatus, accepted.alreadySo], ['failed', 5, true]);
  });

  test('fails with ServiceNotStopped at the limit and kills nothing', async () => {
    await runActivity(() => services.startService({ ...unit('stubborn', ports.stubborn), limitSeconds }));
    stubbornId = (await read('stubborn')).processId;
    const ordering = beginActivity(() =>
      services.stopService({ ...unit('stubborn', ports.stubborn), acceptedConditions: clean, limitSeconds }),
    );
    await waitUntil('it is told to stop', async () => (await read('stubborn')).condition === 'stopping');
    ordering.cancel();
    await assert.rejects(ordering.result, { name: 'CancelledFailure' });
    await assert.rejects(
      runActivity(() => services.stopService({ ...unit('stubborn', ports.stubborn), acceptedConditions: clean, limitSeconds: 1.5 })),
      { type: 'ServiceNotStopped', message: /not stopped within 1.5 s: STOPPING/ },
    );
    assert.equal(isRunning(stubbornId ?? 0), true);
  });

  test('stops waiting when cancelled', async () => {
    const stop = beginActivity(() =>
      services.stopService({ ...unit('stubborn', ports.stubborn), acceptedConditions: clean, limitSeconds }),
    );
    await waitUntil('it heartbeats', () => stop.heartbeats.length > 0);
    stop.cancel();
    // At its limit it would end otherwise.
    await assert.rejects(stop.result, { name: 'CancelledFailure' });
  });

  test('triggers a job and tells its end, its status and when it began', async () => {
    const beforeMs = Math.floor(Date.now() / 1000) * 1000;
    await runActivity(() => services.triggerService(unit('job')));
    await runActivity(() => services.triggerService(unit('job')));
    let state: ServiceState | undefined;
    await waitUntil('the job has ended', async () => (state = await read('job')).condition === 'stopped');
    assert.equal(state?.exitStatus, 0);
    assert.ok(Date.parse(state?.lastStartAt ?? '') >= beforeMs, state?.lastStartAt);
    await runActivity(() => services.triggerService(unit('job-143')));
    await waitUntil('the other job has ended', async () => (state = await read('job-143')).exitStatus === 143);
    assert.equal(state?.condition, 'stopped');
  });

  test('tells an unknown program, and refuses names of many', async () => {
    for (const call of [
      read('nobody'),
      runActivity(() => services.startService({ ...unit('nobody'), limitSeconds })),
      runActivity(() => services.stopService({ ...unit('nobody'), acceptedConditions: clean, limitSeconds })),
    ]) {
      await assert.rejects(call, { type: 'UnknownUnit' });
    }
    for (const name of ['all', '*', 'group:*', '-c', '', 'a b', '$(id)']) await assert.rejects(read(name), { type: 'InvalidInput' });
  });

  test('tells a supervisord that is not there, and a supervisorctl that is not', async () => {
    const { serviceManager } = supervisord.ref;
    assert.equal(serviceManager.kind, 'supervisor');
    const other = await startSupervisord({});
    await other.stop();
    const gone = {
      ...supervisord.ref,
      serviceManager: { kind: 'supervisor', command: serviceManager.command, configFile: join(tmpdir(), 'nightshift-none.conf') } as const,
    };
    assert.equal(existsSync(gone.serviceManager.configFile), false);
    await assert.rejects(
      runActivity(() => services.readServiceState({ host: gone, unit: 'plain', ports: [] })),
      { type: 'CommandFailed' },
    );
    const noCommand = { ...supervisord.ref, serviceManager: { ...serviceManager, command: '/nightshift-none/supervisorctl' } };
    await assert.rejects(
      runActivity(() => services.readServiceState({ host: noCommand, unit: 'plain', ports: [] })),
      { type: 'CommandNotFound' },
    );
  });
});
