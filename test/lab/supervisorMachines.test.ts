import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { execa } from 'execa';

import { identifyProcess } from '../../activities/tools/processIdentity.ts';
import { createSupervisorMachines } from '../../deploy/lab/machines/supervisorMachines.ts';
import { accepts } from '../../deploy/lab/machines/waitForListener.ts';
import { tool } from '../../deploy/setup/tools.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { labDirectory, openMachine, silent, unit, type OneMachine } from './labDirectory.ts';

async function control({ machine }: OneMachine, ...words: string[]): Promise<{ exitCode: number | undefined; stdout: string }> {
  assert.equal(machine.serviceManager.kind, 'supervisor');
  const manager = machine.serviceManager as { command: string; configFile: string };
  const { exitCode, stdout } = await execa(manager.command, ['-c', manager.configFile, ...words], { reject: false });
  return { exitCode, stdout };
}

async function processOf(one: OneMachine, name: string): Promise<number> {
  return Number((await control(one, 'pid', name)).stdout);
}

describe('a machine without root', () => {
  let one: OneMachine;
  before(async () => {
    one = await openMachine([
      unit('sleeper', 'exec sleep 1000'),
      unit('quoting', 'echo "100% it\'s \\"fine\\""; exec sleep 1000'),
      unit('broken', 'exit 3'),
    ]);
  });
  after(() => one?.end());

  test('knows its units and starts none by itself', async () => {
    const { exitCode, stdout } = await control(one, 'status');
    assert.equal(exitCode, 3);
    assert.deepEqual(
      stdout.split('\n').map((line) => line.split(/\s+/).slice(0, 2)),
      [
        ['broken', 'STOPPED'],
        ['quoting', 'STOPPED'],
        ['sleeper', 'STOPPED'],
      ],
    );
  });

  test('starts and stops a unit, and says of one that dies that it is not running', async () => {
    assert.equal((await control(one, 'start', 'sleeper')).exitCode, 0);
    assert.equal((await control(one, 'status', 'sleeper')).exitCode, 0);
    assert.equal((await control(one, 'stop', 'sleeper')).exitCode, 0);
    assert.match((await control(one, 'status', 'sleeper')).stdout, /STOPPED/);
    assert.equal((await control(one, 'start', 'broken')).exitCode, 7);
    assert.match((await control(one, 'status', 'broken')).stdout, /FATAL|EXITED/);
  });

  test('passes arguments with quotes and per cent signs as they are', async () => {
    await control(one, 'start', 'quoting');
    await waitUntil('the words of the unit', async () =>
      (await control(one, 'tail', 'quoting', 'stdout')).stdout.includes(`100% it's "fine"`),
    );
  });

  test('is left alone by a second up', async () => {
    await control(one, 'start', 'sleeper');
    const pid = await processOf(one, 'sleeper');
    const again = createSupervisorMachines({ directory: one.directory, supervisorDirectory: await tool('supervisor') });
    await again.up([{ name: 'one', address: one.machine.address, units: [unit('sleeper', 'exec sleep 1000')] }], silent);
    assert.equal(await processOf(one, 'sleeper'), pid);
    assert.match((await control(one, 'status', 'quoting')).stdout, /no such process/);
  });

  test('loses everything but its disk when its power fails', async () => {
    await control(one, 'start', 'sleeper');
    const pid = await processOf(one, 'sleeper');
    // A job that left its process group and its parent, as the archive jobs of the product do.
    const { stdout: job } = await execa('ssh', [
      ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'],
      ...['-i', one.machine.ssh.privateKeyFile, '-p', String(one.machine.ssh.port), `lab@${one.machine.ssh.address}`],
      'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $!; echo kept > kept',
    ]);
    assert.ok(identifyProcess(Number(job)));
    await one.machines.powerOff('one');
    assert.equal(identifyProcess(pid), null);
    assert.equal(identifyProcess(Number(job)), null);
    assert.equal(await accepts({ host: one.machine.ssh.address, port: one.machine.ssh.port }), false);
    await one.machines.powerOn('one');
    assert.match((await control(one, 'status', 'sleeper')).stdout, /STOPPED/);
    assert.equal(readFileSync(join(one.machine.disk.here, 'kept'), 'utf8'), 'kept\n');
  });

  test('is ended by another process with nothing but the directory', async () => {
    await control(one, 'start', 'sleeper');
    const pid = await processOf(one, 'sleeper');
    const other = createSupervisorMachines({ directory: one.directory, supervisorDirectory: await tool('supervisor') });
    await other.down(silent);
    assert.equal(identifyProcess(pid), null);
    assert.equal(await accepts({ host: one.machine.ssh.address, port: one.machine.ssh.port }), false);
    await other.down(silent);
  });
});

describe('two labs', () => {
  test('live side by side on the same ports, one of them in a directory too long for a socket', async () => {
    const long = labDirectory();
    const directory = join(long.directory, 'a-directory-whose-name-is-rather-long'.repeat(3));
    mkdirSync(directory);
    const first = await openMachine([]);
    try {
      const second = await openMachine([], { directory, remove: long.remove });
      try {
        assert.notEqual(first.machine.address, second.machine.address);
        assert.equal(first.machine.ssh.port, second.machine.ssh.port);
        await first.machines.down(silent);
        assert.equal(await accepts({ host: second.machine.ssh.address, port: second.machine.ssh.port }), true);
        assert.equal((await control(second, 'status')).exitCode, 0);
      } finally {
        await second.end();
      }
    } finally {
      await first.end();
    }
  });
});
