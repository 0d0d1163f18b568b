import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { execa } from 'execa';

import { identifyProcess, signalProcess } from '../../../activities/tools/processIdentity.ts';
import { debianPackagesLine, missingPackages } from '../../setup/debianPackages.ts';
import type { LabMachine, LabMachines, LabMachineSpec } from './machines.contract.ts';
import { waitForEnd } from './processes.ts';
import { ensureKeyPair, type KeyPair } from './sshKeys.ts';
import { systemdMachinesAvailable } from './systemdAvailability.ts';
import { createContainer, type Container } from './systemdContainer.ts';
import { createLabNetwork, machinesMax, type LabNetwork } from './systemdNetwork.ts';
import { ensureSharedTree } from './systemdTree.ts';
import { unitFileText } from './systemdUnitFile.ts';

export { systemdMachinesAvailable } from './systemdAvailability.ts';

/** What another process needs for `down`, `powerOff` and `powerOn`; processes are found by control group and namespace. */
interface State {
  /** Short name of this lab, unique on this computer: in the names of its namespaces, control groups and machines. */
  lab: string;
  machines: Record<string, MachineState>;
}

interface MachineState {
  /** Its port on the switch; the last number of its address follows from it. */
  number: number;
  /** Places of this computer that the machine sees read-only, at the same paths. */
  shown: string[];
}

interface Places {
  home: string;
  /** Its disk: a shared tree below, its own writes above. */
  root: string;
  upper: string;
  work: string;
  console: string;
  hostKeyFile: string;
}

const repository = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const proxyProgram = fileURLToPath(new URL('./systemdProxy.sh', import.meta.url));
/** What units may need of the repository. Not the whole of it: lab directories with their secrets may lie inside. */
const shownOfRepository = ['package.json', 'node_modules', '.nightshift/tools', 'activities', 'deploy', 'workflows'];
const sshPort = 22;
const sshUser = 'root';
const bootsAtOnceMax = 4;
const bootLimitMs = 180_000;
const pollPauseMs = 25;
const orderlyEndMs = 10_000;
/** Files of this kind are written by us alone; the machine's own stay. */
const ourUnits = 'etc/systemd/system';

/**
 * Machines with real systemd and sshd: one container per machine with its own network namespace and disk. Root on Linux only.
 * The tree of a machine is this computer's /etc and an empty /var under a layer of its own; /usr is this computer's, read-only.
 * The worker reaches sshd through `ssh.proxyCommand`, as nothing of the lab's network is in the root namespace.
 * @param directory the lab's directory; machines live in `machines/<name>`, keys in `keys/`, what is known in `machines/state.json`.
 * @param name tells two labs apart for people; default: the last part of the directory.
 */
export function createSystemdMachines(options: { directory: string; name?: string }): LabMachines {
  const directory = resolve(options.directory);
  const base = join(directory, 'machines');
  const stateFile = join(base, 'state.json');
  const sharedTree = join(base, 'shared');

  function readState(): State {
    if (existsSync(stateFile)) return JSON.parse(readFileSync(stateFile, 'utf8')) as State;
    return { lab: labName(options.name ?? basename(directory), directory), machines: {} };
  }

  function writeState(state: State): void {
    mkdirSync(base, { recursive: true });
    writeFileSync(`${stateFile}.new`, JSON.stringify(state, null, 2));
    renameSync(`${stateFile}.new`, stateFile);
  }

  /** What is known of one machine; the first mention gives it its number. */
  function record(name: string, change: Partial<MachineState> = {}): MachineState {
    const state = readState();
    const known = state.machines[name] ?? { number: Object.keys(state.machines).length + 1, shown: [] };
    if (known.number > machinesMax) throw new Error(`a lab holds ${machinesMax} machines; "${name}" is one too many`);
    const machine = { ...known, ...change };
    state.machines[name] = machine;
    writeState(state);
    return machine;
  }

  function known(name: string): MachineState {
    const { machines } = readState();
    const machine = machines[name];
    if (!machine) throw new Error(`the lab has no machine "${name}"; it has ${Object.keys(machines).join(', ') || 'none'}`);
    return machine;
  }

  const network = (): LabNetwork => createLabNetwork(readState().lab);
  const containerOf = (name: string): Container => createContainer(`nightshift-${readState().lab}-${name}`);

  function placesOf(name: string): Places {
    const home = join(base, name);
    const under = (path: string): string => join(home, path);
    return {
      home,
      root: under('root'),
      upper: under('upper'),
      work: under('work'),
      console: under('console.log'),
      hostKeyFile: under('ssh_host_ed25519_key'),
    };
  }

  async function ensureMounted(name: string): Promise<void> {
    const { root, upper, work } = placesOf(name);
    for (const made of [root, upper, work]) mkdirSync(made, { recursive: true });
    if (isMounted(root)) return;
    const layers = [`lowerdir=${overlayPath(sharedTree)}`, `upperdir=${overlayPath(upper)}`, `workdir=${overlayPath(work)}`];
    await execa('mount', ['-t', 'overlay', `nightshift-${name}`, '-o', layers.join(','), root]);
  }

  async function unmount(name: string): Promise<void> {
    const { root } = placesOf(name);
    if (!isMounted(root)) return;
    const { failed } = await execa('umount', [root], { reject: false });
    // Somebody's shell stands in it: it goes when they leave.
    if (failed) await execa('umount', ['--lazy', root]);
  }

  /** Identity, network names, keys and units. Returns whether a unit differs from what was there. */
  function writeFiles(spec: LabMachineSpec, client: KeyPair, host: KeyPair): boolean {
    const { root } = placesOf(spec.name);
    const state = readState();
    const net = network();
    const names = Object.entries(state.machines).map(([name, { number }]) => `${net.addressOf(number)} ${name}`);
    const put = (path: string, text: string, mode = 0o644): boolean => putFile(join(root, path), text, mode);
    put('etc/hostname', `${spec.name}\n`);
    put('etc/machine-id', `${machineId(state.lab, spec.name).replaceAll('-', '')}\n`);
    put('etc/hosts', `${['127.0.0.1 localhost', '::1 localhost', ...names].join('\n')}\n`);
    put('etc/ssh/ssh_host_ed25519_key', readFileSync(host.file, 'utf8'), 0o600);
    put('etc/ssh/ssh_host_ed25519_key.pub', `${host.publicKey}\n`);
    mkdirSync(join(root, 'root/.ssh'), { recursive: true, mode: 0o700 });
    put('root/.ssh/authorized_keys', `${client.publicKey}\n`, 0o600);
    return spec.units.map((unit) => put(`${ourUnits}/${unit.name}.service`, unitFileText(unit))).some(Boolean);
  }

  /** Starts the container unless it runs, and waits until its sshd listens. */
  async function boot(name: string): Promise<void> {
    const places = placesOf(name);
    const container = containerOf(name);
    const { lab } = readState();
    const { number, shown } = known(name);
    const net = network();
    let hasEnded = (): boolean => container.processes().length === 0;
    if (!container.leader()) {
      // What an interrupted boot may have left.
      await container.kill();
      container.removeControlGroups();
      await net.setPort(number, 'up');
      hasEnded = container.start(
        [
          ...['--quiet', '--boot', '--register=no', '--keep-unit', '--settings=no', '--console=pipe'],
          // mongod locks the memory that holds keys, and ends at once where it may not.
          '--capability=CAP_IPC_LOCK',
          ...['--resolv-conf=off', '--timezone=off', '--link-journal=no'],
          `--directory=${places.root}`,
          `--machine=${containerName(lab, name)}`,
          `--hostname=${name}`,
          `--uuid=${machineId(lab, name)}`,
          `--network-namespace-path=/run/netns/${net.namespaceOf(name)}`,
          ...['/usr', ...shown].map((path) => `--bind-ro=${nspawnPath(path)}:${nspawnPath(path)}:norbind`),
        ],
        places.console,
      );
    }
    const deadline = Date.now() + bootLimitMs;
    while (!container.listens(sshPort)) {
      const ended = hasEnded();
      if (ended || Date.now() > deadline)
        throw new Error(
          `${name}: ${ended ? 'the container ended' : `no SSH after ${bootLimitMs / 1000} s`}; last words: ${lastWords(places.console)}`,
        );
      await sleep(pollPauseMs);
    }
  }

  async function bringUp(spec: LabMachineSpec): Promise<LabMachine> {
    const { name, units } = spec;
    const places = placesOf(name);
    const { number } = known(name);
    const net = network();
    if (spec.address !== net.addressOf(number)) throw new Error(`${name}: its address is ${net.addressOf(number)}, not ${spec.address}`);
    const client = ensureKeyPair(join(directory, 'keys', 'client_ed25519'), 'nightshift lab client');
    await net.ensureMachine(name, number);
    await ensureMounted(name);
    const host = ensureKeyPair(places.hostKeyFile, `nightshift lab host ${name}`);
    const leader = containerOf(name).leader();
    const changed = writeFiles(spec, client, host);
    if (leader) {
      // PID 1 reads its units again on HUP.
      if (changed) signalProcess(leader, 'SIGHUP');
    } else {
      record(name, { shown: shownFor(units.map(({ command }) => command[0] ?? '')) });
    }
    await boot(name);
    return {
      name,
      address: spec.address,
      ssh: {
        address: spec.address,
        port: sshPort,
        user: sshUser,
        privateKeyFile: client.file,
        hostKeyFingerprint: host.fingerprint,
        proxyCommand: ['bash', proxyProgram, net.switchNamespace, spec.address, String(sshPort)],
      },
      serviceManager: { kind: 'systemd', sudo: false },
      disk: { onMachine: '/', here: places.root },
    };
  }

  return {
    kind: 'systemd',

    addressOf: (name) => network().addressOf(record(name).number),

    async up(specs, say) {
      const beganAt = Date.now();
      const { available, why } = await systemdMachinesAvailable();
      if (!available) {
        const missing = process.getuid?.() === 0 ? await missingPackages('systemd') : [];
        throw new Error(`${why}${missing.length > 0 ? `. Install them: ${debianPackagesLine(missing)}` : '; use supervisor machines'}`);
      }
      for (const { name } of specs) record(checkedName(name));
      mkdirSync(base, { recursive: true });
      await ensureSharedTree(sharedTree);
      await network().ensureSwitch();
      const machines = await inOrderBounded(specs, bootsAtOnceMax, bringUp);
      say(`machines: ${machines.length} up, each with systemd and sshd, ${seconds(beganAt)} s`);
      return machines;
    },

    async down(say) {
      if (!existsSync(stateFile)) return;
      const beganAt = Date.now();
      const { lab, machines } = readState();
      const names = Object.keys(machines);
      await Promise.all(names.map((name) => containerOf(name).stop(orderlyEndMs)));
      for (const name of names) {
        containerOf(name).removeControlGroups();
        await unmount(name);
        rmSync(`/run/systemd/nspawn/propagate/${containerName(lab, name)}`, { recursive: true, force: true });
        rmSync(join(placesOf(name).home, '.#root.lck'), { force: true });
      }
      // Ways in that nobody has closed: they are in no container.
      const ways = (await network().processes()).map(identifyProcess).filter((identity) => identity !== null);
      for (const identity of ways) signalProcess(identity, 'SIGKILL');
      await waitForEnd(ways, orderlyEndMs);
      await network().remove();
      say(`machines: ${names.length} down, ${seconds(beganAt)} s`);
    },

    async powerOff(name) {
      const { number } = known(name);
      // First the wire: a machine without power does not say good-bye.
      await network().setPort(number, 'down');
      await containerOf(name).kill();
    },

    async powerOn(name) {
      known(name);
      if (!isMounted(placesOf(name).root))
        throw new Error(`machine "${name}" is not up in ${directory}: power comes back after powerOff only`);
      await boot(name);
    },
  };
}

/** Letters of the name for people, then a hash of the place for computers; short, as host and namespace names are. */
function labName(name: string, directory: string): string {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '')
    .slice(0, 12);
  return `${words || 'lab'}${createHash('sha256').update(`${name} ${directory}`).digest('hex').slice(0, 8)}`;
}

function containerName(lab: string, machine: string): string {
  return `${lab}-${machine}`.slice(0, 63);
}

/** The same machine of the same lab has the same identity at every boot. */
function machineId(lab: string, machine: string): string {
  const hex = createHash('sha256').update(`${lab}/${machine}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

function checkedName(name: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(name))
    throw new Error(`machine name "${name}": small letters, digits and inner hyphens, at most 32`);
  return name;
}

/** What of this computer a machine sees besides /usr: parts of the repository, and programs of units that are neither there nor in /usr. */
function shownFor(programs: string[]): string[] {
  const parts = shownOfRepository.map((part) => join(repository, part)).filter((path) => existsSync(path));
  const covered = (path: string): boolean => ['/usr', ...parts].some((part) => path === part || path.startsWith(`${part}/`));
  const others = programs
    .filter((program) => program.startsWith('/') && existsSync(program))
    .flatMap((program) => [dirname(program), dirname(realpathSync(program))]);
  return [...parts, ...new Set(others.filter((path) => !covered(realpathSync(path)) && path !== '/bin' && path !== '/sbin'))];
}

function isMounted(path: string): boolean {
  // Fields part at blanks; blanks and backslashes in paths stand as octal.
  const wanted = path.replace(/[\\ \t\n]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[4] === wanted);
}

function overlayPath(path: string): string {
  return path.replace(/[\\,:]/g, (character) => `\\${character}`);
}

function nspawnPath(path: string): string {
  return path.replace(/[\\:]/g, (character) => `\\${character}`);
}

/** Writes the file unless it says this already. Returns whether it did. */
function putFile(file: string, text: string, mode: number): boolean {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return false;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
  return true;
}

/** The results in the order of the items, at most so many at a time; after a failure nothing new begins and what runs is waited for. */
async function inOrderBounded<Item, Result>(items: Item[], atOnceMax: number, work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items.entries()];
  const failures: unknown[] = [];
  const take = async (): Promise<void> => {
    for (let next = waiting.shift(); next && failures.length === 0; next = waiting.shift()) {
      try {
        results[next[0]] = await work(next[1]);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnceMax }, take));
  if (failures.length > 0) throw failures[0];
  return results;
}

function lastWords(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n').slice(-3).join(' | ') : 'none';
}

function seconds(beganAt: number): string {
  return ((Date.now() - beganAt) / 1000).toFixed(1);
}
