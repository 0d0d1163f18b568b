import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { execa } from 'execa';
import { Client } from 'ssh2';

import type { LabMachine, LabMachines, LabUnit } from '../../deploy/lab/machines/machines.contract.ts';
import { createSystemdMachines } from '../../deploy/lab/machines/systemdMachines.ts';
import { waitUntil } from '../support/waitUntil.ts';
import { systemdMissing } from '../support/systemdMissing.ts';

const skip = await systemdMissing('machines of the lab');

interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

interface Connection {
  run(command: string): Promise<CommandResult>;
  closed: Promise<void>;
  proxy: ChildProcess;
  end(): void;
}

/** One SSH connection through the machine's proxy command, to the pinned host key only. */
async function connect({ ssh }: LabMachine, readyMs = 60_000): Promise<Connection> {
  const [program = '', ...args] = ssh.proxyCommand ?? [];
  const proxy = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const client = new Client();
  const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
  const sock = Duplex.from({ readable: proxy.stdout, writable: proxy.stdin });
  sock.on('error', () => undefined);
  const end = (): void => {
    client.destroy();
    sock.destroy();
  };
  await new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.on('error', reject);
    proxy.once('exit', () => reject(new Error('the proxy command ended')));
    client.connect({
      sock,
      username: ssh.user,
      privateKey: readFileSync(ssh.privateKeyFile),
      readyTimeout: readyMs,
      hostVerifier: (key: Buffer) => ssh.hostKeyFingerprint === fingerprintOf(key),
    });
  }).catch((error: unknown) => {
    end();
    throw error;
  });
  return {
    proxy,
    closed,
    end,
    run: (command) =>
      new Promise((resolve, reject) => {
        client.exec(command, (error, channel) => {
          if (error) return reject(error);
          const result: CommandResult = { code: null, stdout: '', stderr: '' };
          channel.on('data', (data: Buffer) => (result.stdout += data.toString()));
          channel.stderr.on('data', (data: Buffer) => (result.stderr += data.toString()));
          channel.on('exit', (code: number | null) => (result.code = code));
          return channel.on('close', () => resolve(result));
        });
      }),
  };
}

function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

async function onceOn(machine: LabMachine, command: string): Promise<CommandResult> {
  const connection = await connect(machine);
  try {
    return await connection.run(command);
  } finally {
    connection.end();
  }
}

function unit(name: string, script: string, change: Partial<LabUnit> = {}): LabUnit {
  return {
    name,
    kind: 'service',
    command: ['/bin/sh', '-c', script],
    environment: {},
    stopWaitSeconds: 5,
    cleanExitStatuses: [],
    ...change,
  };
}

const units: LabUnit[] = [
  unit('sleeper', 'printf "%s\\n" "$GREETING"; exec sleep 3600', { environment: { GREETING: 'a "b" \\c 100% $d' } }),
  unit('short-lived', 'sleep 0.5; exit 7'),
  unit('stubborn', 'trap "" TERM; : > /run/stubborn.ready; while :; do sleep 1; done', { stopWaitSeconds: 1 }),
  unit('clean-at-143', 'trap "exit 143" TERM; : > /run/clean.ready; while :; do sleep 0.1; done', { cleanExitStatuses: [143] }),
  unit('node-service', '', { command: [process.execPath, '-e', 'require("http").createServer((_, a) => a.end("hello")).listen(8080)'] }),
  unit('job', 'echo done > /var/job', { kind: 'oneshot' }),
];

/** What a lab can leave on this computer: namespaces, mounts, control groups, processes. */
async function traces(directory: string, lab: string): Promise<string[]> {
  const { stdout } = await execa('ip', ['netns', 'list']);
  const groups = ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'].filter((group) => existsSync(group));
  const processes = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid);
  return [
    ...stdout
      .split('\n')
      .filter((line) => line.includes(lab))
      .map((line) => `namespace ${line}`),
    ...readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .filter((line) => line.includes(directory) || line.includes(lab))
      .map((line) => `mount ${line}`),
    ...groups
      .flatMap((group) => readdirSync(group))
      .filter((name) => name.includes(lab))
      .map((name) => `control group ${name}`),
    ...processes.filter((id) => commandLine(id).includes(lab)).map((id) => `process ${id} ${commandLine(id)}`),
    ...(existsSync('/run/systemd/nspawn/propagate') ? readdirSync('/run/systemd/nspawn/propagate') : []).filter((name) =>
      name.includes(lab),
    ),
  ];
}

function commandLine(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function labOf(directory: string): string {
  return (JSON.parse(readFileSync(join(directory, 'machines/state.json'), 'utf8')) as { lab: string }).lab;
}

describe('machines with systemd', { skip, timeout: 900_000 }, () => {
  let directory = '';
  let lab: LabMachines;
  let first: LabMachine;
  let second: LabMachine;
  const silent = (): void => undefined;
  const specs = (): Parameters<LabMachines['up']>[0] =>
    ['first', 'second'].map((name) => ({ name, address: lab.addressOf?.(name) ?? '', units }));

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'nightshift machines, '));
    lab = createSystemdMachines({ directory, name: 'machines test' });
    const machines = await lab.up(specs(), silent);
    [first, second] = machines as [LabMachine, LabMachine];
  });
  after(async () => {
    await lab.down(silent);
    rmSync(directory, { recursive: true, force: true });
  });

  it('run commands over SSH through the proxy command, each with its own identity', async () => {
    const answers = await Promise.all([first, second].map((machine) => onceOn(machine, 'hostname; cat /etc/machine-id; exit 3')));
    assert.deepEqual(
      answers.map(({ code, stdout }) => [code, stdout.split('\n')[0]]),
      [
        [3, 'first'],
        [3, 'second'],
      ],
    );
    assert.notEqual(answers[0]?.stdout.split('\n')[1], answers[1]?.stdout.split('\n')[1]);
    assert.notEqual(first.ssh.hostKeyFingerprint, second.ssh.hostKeyFingerprint);
  });

  it('are whole: systemd runs without a failed unit', async () => {
    await waitUntil('state running', async () => (await onceOn(first, 'systemctl is-system-running')).stdout.trim() === 'running');
    assert.equal((await onceOn(first, 'systemctl --failed --no-legend')).stdout, '');
  });

  it('start nothing by themselves, and start, stop and report units', async () => {
    const ssh = await connect(first);
    try {
      const state = async (name: string): Promise<[string, number | null]> => {
        const { code, stdout } = await ssh.run(`systemctl is-active ${name}`);
        return [stdout.trim(), code];
      };
      for (const { name } of units) assert.deepEqual(await state(name), ['inactive', 3], name);
      const started = await ssh.run('systemctl start sleeper stubborn clean-at-143 node-service');
      assert.equal(started.code, 0, started.stderr);
      assert.deepEqual(await state('sleeper'), ['active', 0]);
      await waitUntil('the words of the unit are in the journal', async () =>
        (await ssh.run('journalctl -u sleeper -o cat')).stdout.includes('a "b" \\c 100% $d'),
      );

      assert.equal((await ssh.run('systemctl stop sleeper')).code, 0);
      assert.deepEqual(await state('sleeper'), ['inactive', 3]);

      assert.equal((await ssh.run('systemctl start short-lived')).code, 0);
      await waitUntil('a unit that ends with 7 is failed', async () => (await state('short-lived'))[0] === 'failed');
      assert.match((await ssh.run('systemctl show -p Result,ExecMainStatus short-lived')).stdout, /ExecMainStatus=7/);

      await waitUntil('both have their traps', async () => (await ssh.run('ls /run/stubborn.ready /run/clean.ready')).code === 0);
      assert.equal((await ssh.run('systemctl stop stubborn')).code, 0);
      assert.deepEqual(await state('stubborn'), ['failed', 3]);
      assert.match((await ssh.run('systemctl show -p Result stubborn')).stdout, /Result=timeout/);

      assert.equal((await ssh.run('systemctl stop clean-at-143')).code, 0);
      assert.deepEqual(await state('clean-at-143'), ['inactive', 3]);

      assert.equal((await ssh.run('systemctl start job && cat /var/job')).stdout, 'done\n');
      assert.equal(readFileSync(join(first.disk.here, 'var/job'), 'utf8'), 'done\n');
      assert.ok(!existsSync(join(second.disk.here, 'var/job')), 'disks are shared');
    } finally {
      ssh.end();
    }
  });

  it('reach each other by name, and nothing of them is in the root namespace', async () => {
    const ask = `exec 3<>/dev/tcp/first/8080; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3`;
    await waitUntil('the service of the first machine answers the second', async () =>
      (await onceOn(second, `bash -c ${JSON.stringify(ask)}`)).stdout.endsWith('hello'),
    );
    const { stdout } = await execa('ip', ['-brief', 'address']);
    assert.ok(!stdout.includes(first.address));
  });

  it('see their programs read-only, and no secret of this computer', async () => {
    const { stdout } = await onceOn(
      first,
      `touch /usr/x; touch ${process.cwd()}/deploy/x; cat /etc/shadow | cut -d: -f2 | sort -u; ls /root`,
    );
    assert.equal(stdout, '*\n');
    assert.ok(!existsSync('/usr/x') && !existsSync(join(process.cwd(), 'deploy/x')));
  });

  it('end the way in when either side closes', async () => {
    const ours = await connect(first);
    ours.end();
    await waitUntil('the proxy ends when the client closes', () => ours.proxy.exitCode !== null || ours.proxy.signalCode !== null);
    const theirs = await connect(first);
    void theirs.run('kill -KILL $PPID').catch(() => undefined);
    await waitUntil('the proxy ends when sshd closes', () => theirs.proxy.exitCode !== null || theirs.proxy.signalCode !== null);
    theirs.end();
  });

  it('lose their power and come back with their disk', async () => {
    const ssh = await connect(second);
    await ssh.run('systemctl start sleeper && echo kept > /srv/file && systemctl enable node-service');
    writeFileSync(join(second.disk.here, 'srv/from-here'), 'also kept');
    await lab.powerOff('second');
    await lab.powerOff('second');
    // Silence, not a closed connection: the wire is cut first.
    assert.equal(await Promise.race([ssh.closed.then(() => 'closed'), sleep(500).then(() => 'silent')]), 'silent');
    ssh.end();
    await assert.rejects(connect(second, 3_000));
    assert.equal((await onceOn(first, 'hostname')).stdout, 'first\n');

    await lab.powerOn('second');
    await waitUntil('the machine answers', () =>
      onceOn(second, 'true').then(
        () => true,
        () => false,
      ),
    );
    assert.equal((await onceOn(second, 'cat /srv/file /srv/from-here')).stdout, 'kept\nalso kept');
    assert.equal((await onceOn(second, 'systemctl is-active sleeper')).stdout, 'inactive\n');
    await waitUntil('an enabled unit starts', async () => (await onceOn(second, 'systemctl is-active node-service')).stdout === 'active\n');
    await assert.rejects(lab.powerOff('third'), /no machine "third"; it has first, second/);
  });

  it('come back from a reboot', async () => {
    const before = (await onceOn(second, 'cat /proc/1/stat | cut -d" " -f22')).stdout;
    await onceOn(second, 'systemctl reboot').catch(() => undefined);
    const startOf = (): Promise<string> =>
      onceOn(second, 'cat /proc/1/stat | cut -d" " -f22').then(
        ({ stdout }) => stdout,
        () => before,
      );
    await waitUntil('another PID 1 answers', async () => (await startOf()) !== before);
  });

  it('stay as they are when they are brought up again, and take new units', async () => {
    const startOf = 'cut -d" " -f22 /proc/1/stat';
    const before = await onceOn(first, startOf);
    const added = unit('added', 'exec sleep 3600');
    const again = createSystemdMachines({ directory, name: 'machines test' });
    const found = await again.up(
      specs().map((spec) => ({ ...spec, units: [...spec.units, added] })),
      silent,
    );
    assert.deepEqual(found, [first, second]);
    assert.deepEqual(await onceOn(first, startOf), before);
    await waitUntil('the new unit is known', async () => (await onceOn(first, 'systemctl start added')).code === 0);
  });

  it('live beside those of another lab, and leave nothing behind, also when another process takes them down', async () => {
    const other = mkdtempSync(join(tmpdir(), 'nightshift-other-'));
    const otherLab = createSystemdMachines({ directory: other });
    try {
      const [machine] = await otherLab.up([{ name: 'first', address: otherLab.addressOf?.('first') ?? '', units }], silent);
      assert.ok(machine);
      assert.notEqual(machine.address, first.address);
      await onceOn(machine, 'systemctl start stubborn');
      assert.equal((await onceOn(machine, 'getent hosts second')).code, 2);
      assert.notDeepEqual(await traces(other, labOf(other)), []);
      // A way in that nobody closes.
      const open = await connect(machine);
      const module = new URL('../../deploy/lab/machines/systemdMachines.ts', import.meta.url).href;
      const text = `const { createSystemdMachines } = await import(${JSON.stringify(module)});
        await createSystemdMachines({ directory: ${JSON.stringify(other)} }).down(console.log);`;
      const { stdout } = await execa(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', text]);
      assert.match(stdout, /^machines: 1 down, /);
      open.end();
      await otherLab.down(silent);
      assert.deepEqual(await traces(other, labOf(other)), []);
      assert.equal((await onceOn(first, 'hostname')).stdout, 'first\n');
    } finally {
      await otherLab.down(silent);
      rmSync(other, { recursive: true, force: true });
    }
  });

  it('leave no namespace, mount, control group or process behind, and keep their disks', async () => {
    await lab.down(silent);
    await lab.down(silent);
    assert.deepEqual(await traces(directory, labOf(directory)), []);
    const [machine] = await lab.up(specs().slice(1), silent);
    assert.ok(machine);
    assert.equal((await onceOn(machine, 'cat /srv/file')).stdout, 'kept\n');
  });
});
