import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { identifyProcess, isRunning, signalProcess, type ProcessIdentity } from '../../../activities/tools/processIdentity.ts';
import { socketFolder } from '../socketFolder.ts';
import type { LabMachine, LabMachines, LabMachineSpec } from './machines.contract.ts';
import { findMarkedProcesses, killMarked, markVariable, waitForEnd } from './processes.ts';
import type { SshFrontConfiguration } from './sshFront.ts';
import { ensureKeyPair } from './sshKeys.ts';
import { supervisordConfiguration } from './supervisordConfiguration.ts';
import { waitForPort, waitForSocket } from './waitForListener.ts';

/** What `down` from another process needs: which processes are ours, told apart from later ones with the same id. */
interface State {
  /** Unguessable name of this lab; every process of it inherits it in its environment. */
  lab: string;
  /** First three numbers of the machines' addresses: from the directory, so that two labs live side by side. */
  network: string;
  machines: Record<string, MachineState>;
}

interface MachineState {
  /** Last number of its address. */
  number: number;
  supervisord: ProcessIdentity | null;
  front: ProcessIdentity | null;
}

interface Places {
  home: string;
  configFile: string;
  frontFile: string;
  socket: string;
  logDirectory: string;
  disk: string;
  hostKeyFile: string;
}

const sshPort = 2222;
const sshUser = 'lab';
const startLimitMs = 120_000;
/** Longest path that a UNIX socket may have, less what supervisord appends while it makes one. */
const socketPathMax = 90;
const temporaryPathMax = 40;
const gracefulEndMs = 10_000;
const frontProgram = fileURLToPath(new URL('./sshFront.ts', import.meta.url));

/**
 * Machines without root: per machine a loopback address, a directory as its disk, a real supervisord and an SSH front (sshFront.ts).
 * @param directory the lab's directory; machines live in `machines/<name>`, keys in `keys/`, ids of processes in `machines/state.json`.
 * @param supervisorDirectory directory that holds `supervisord` and `supervisorctl`.
 */
export function createSupervisorMachines({
  directory,
  supervisorDirectory,
}: {
  directory: string;
  supervisorDirectory: string;
}): LabMachines {
  const base = join(directory, 'machines');
  const stateFile = join(base, 'state.json');
  const supervisord = join(supervisorDirectory, 'supervisord');
  const supervisorctl = join(supervisorDirectory, 'supervisorctl');

  function readState(): State {
    if (existsSync(stateFile)) return JSON.parse(readFileSync(stateFile, 'utf8')) as State;
    const [first = 0, second = 0] = createHash('sha256').update(directory).digest();
    return { lab: randomUUID(), network: `127.${1 + (first % 254)}.${second}`, machines: {} };
  }

  function writeState(state: State): void {
    mkdirSync(base, { recursive: true });
    writeFileSync(`${stateFile}.new`, JSON.stringify(state, null, 2));
    renameSync(`${stateFile}.new`, stateFile);
  }

  /** Changes what is known of one machine; the first mention gives it its number. */
  function record(name: string, change: Partial<MachineState>): State {
    const state = readState();
    const known = state.machines[name] ?? { number: Object.keys(state.machines).length + 1, supervisord: null, front: null };
    state.machines[name] = { ...known, ...change };
    writeState(state);
    return state;
  }

  function placesOf(name: string): Places {
    const home = join(base, name);
    const near = join(home, 'supervisor.sock');
    const far = join(socketFolder(temporaryPathMax), `nightshift-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`);
    return {
      home,
      configFile: join(home, 'supervisord.conf'),
      frontFile: join(home, 'front.json'),
      socket: near.length <= socketPathMax ? near : join(far, `${name}.sock`),
      logDirectory: join(home, 'log'),
      disk: join(home, 'disk'),
      hostKeyFile: join(home, 'ssh_host_ed25519_key'),
    };
  }

  const markOf = (state: State, name: string): string => `${state.lab}/${name}`;

  /** Starts a program of the machine that outlives this process; its output goes to a log of the machine. */
  function startDetached(name: string, command: string[], log: string): ProcessIdentity {
    const places = placesOf(name);
    const output = openSync(join(places.logDirectory, log), 'a');
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd: places.home,
      detached: true,
      stdio: ['ignore', output, output],
      env: {
        PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin',
        HOME: places.disk,
        USER: sshUser,
        LOGNAME: sshUser,
        LANG: 'C.UTF-8',
        TZ: process.env.TZ ?? 'UTC',
        NODE_COMPILE_CACHE: join(directory, 'compile-cache'),
        [markVariable]: markOf(readState(), name),
      },
    });
    child.on('error', () => undefined);
    child.unref();
    const identity = child.pid === undefined ? null : identifyProcess(child.pid);
    if (!identity) throw new Error(`${name}: ${program} did not start; see ${join(places.logDirectory, log)}`);
    return identity;
  }

  async function startProcesses(name: string): Promise<void> {
    const places = placesOf(name);
    const known = readState().machines[name];
    const { address, port } = JSON.parse(readFileSync(places.frontFile, 'utf8')) as SshFrontConfiguration;
    if (!isRunning(known?.front)) {
      const node = [process.execPath, '--disable-warning=ExperimentalWarning', '--max-old-space-size=64'];
      record(name, { front: startDetached(name, [...node, frontProgram, places.frontFile], 'front.log') });
    }
    if (!isRunning(known?.supervisord)) {
      rmSync(places.socket, { force: true });
      record(name, {
        supervisord: startDetached(name, [supervisord, '--nodaemon', '--configuration', places.configFile], 'supervisord.out'),
      });
    }
    await Promise.all([
      waitForPort({
        address,
        port,
        limitMs: startLimitMs,
        what: `SSH front of ${name} (log: ${places.logDirectory}/front.log)`,
        alive: () => isRunning(readState().machines[name]?.front),
      }),
      waitForSocket({
        path: places.socket,
        limitMs: startLimitMs,
        what: `supervisord of ${name} (log: ${places.logDirectory}/supervisord.out)`,
        alive: () => isRunning(readState().machines[name]?.supervisord),
      }),
    ]);
  }

  async function bringUp(spec: LabMachineSpec): Promise<LabMachine> {
    const places = placesOf(spec.name);
    for (const made of [places.logDirectory, places.disk, join(places.socket, '..')]) mkdirSync(made, { recursive: true });
    const client = ensureKeyPair(join(directory, 'keys', 'client_ed25519'), 'nightshift lab client');
    const host = ensureKeyPair(places.hostKeyFile, `nightshift lab host ${spec.name}`);
    const front: SshFrontConfiguration = {
      machine: spec.name,
      address: spec.address,
      port: sshPort,
      user: sshUser,
      hostKeyFile: places.hostKeyFile,
      authorizedKey: client.publicKey,
      home: places.disk,
    };
    writeFileSync(places.frontFile, JSON.stringify(front, null, 2));
    const text = supervisordConfiguration(
      {
        socket: places.socket,
        logDirectory: places.logDirectory,
        pidFile: join(places.home, 'supervisord.pid'),
        directory: places.disk,
        machine: spec.name,
      },
      spec.units,
    );
    const changed = existsSync(places.configFile) && readFileSync(places.configFile, 'utf8') !== text;
    const ran = isRunning(readState().machines[spec.name]?.supervisord);
    writeFileSync(places.configFile, text);
    await startProcesses(spec.name);
    if (ran && changed) await execa(supervisorctl, ['-c', places.configFile, 'update']);
    return {
      name: spec.name,
      address: spec.address,
      ssh: { address: spec.address, port: sshPort, user: sshUser, privateKeyFile: client.file, hostKeyFingerprint: host.fingerprint },
      serviceManager: { kind: 'supervisor', command: supervisorctl, configFile: places.configFile },
      disk: { onMachine: places.disk, here: places.disk },
    };
  }

  function rootsOf(state: State, name: string): ProcessIdentity[] {
    const machine = state.machines[name];
    return [machine?.supervisord, machine?.front].filter((identity) => identity != null);
  }

  return {
    kind: 'supervisor',

    addressOf(name) {
      const state = record(name, {});
      return `${state.network}.${state.machines[name]?.number}`;
    },

    diskOf: (name) => placesOf(name).disk,

    async up(specs, say) {
      const beganAt = Date.now();
      const machines = await Promise.all(specs.map(bringUp));
      say(`machines: ${machines.length} up, each with supervisord and an SSH front, ${((Date.now() - beganAt) / 1000).toFixed(1)} s`);
      return machines;
    },

    async down(say) {
      const beganAt = Date.now();
      const state = readState();
      const names = Object.keys(state.machines);
      // Each process by itself: supervisord would end its programs one after the other.
      const ours = names.flatMap((name) => findMarkedProcesses(markOf(state, name), rootsOf(state, name)));
      for (const identity of ours) signalProcess(identity, 'SIGTERM');
      await waitForEnd(ours, gracefulEndMs);
      let killed = 0;
      for (const name of names) {
        killed += await killMarked(markOf(state, name), rootsOf(state, name));
        rmSync(placesOf(name).socket, { force: true });
        record(name, { supervisord: null, front: null });
      }
      say(
        `machines: ${names.length} down${killed > 0 ? `, ${killed} processes killed` : ''}, ${((Date.now() - beganAt) / 1000).toFixed(1)} s`,
      );
    },

    async powerOff(name) {
      const state = readState();
      if (!state.machines[name]) throw new Error(`the lab has no machine "${name}"; it has ${Object.keys(state.machines).join(', ')}`);
      await killMarked(markOf(state, name), rootsOf(state, name));
      record(name, { supervisord: null, front: null });
    },

    async powerOn(name) {
      if (!existsSync(placesOf(name).configFile)) throw new Error(`machine "${name}" was never up in ${directory}`);
      await startProcesses(name);
    },
  };
}
