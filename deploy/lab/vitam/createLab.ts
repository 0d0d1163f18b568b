import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import type { Host } from '../../../activities/hosts/host.ts';
import { createHosts } from '../../../activities/hosts/openHost.ts';
import { createSecretResolver } from '../../../activities/tools/resolveSecret.ts';
import type { Say } from '../../setup/installer.contract.ts';
import { tool } from '../../setup/tools.ts';
import type { Lab, LabOptions } from './lab.contract.ts';
import { changeKnobs, ensureStorageFiles, readSettings, writeSettings, type LabSettings } from './labFiles.ts';
import { hostRefOf, readUnits, sshKeySecret, startUnits, stopUnit, waitForHostPort } from '../machines/labHosts.ts';
import { componentsOn, directoriesOf, filesOf, knobsPath, setsOn, unitsOf, type MachinePlace } from './labUnits.ts';
import { labMachines } from '../machines/labMachines.ts';
import { ensureSecret, readMachines, writeMachineFile, writeMachines, writeSecret } from '../machines/machineFiles.ts';
import type { LabMachine, LabService } from '../machines/machines.contract.ts';
import type { ClusterMember, ClusterSet } from '../mongo/clusterPlan.contract.ts';
import { ensureMongoCluster } from './mongoCluster.ts';
import { labLayout, type LabReplicaSet } from './platform.ts';
import { platformFileText, secretNames } from './platformFile.ts';

const defaultMegabytesPerShard = 100;
const defaultSeed = 20_261_121;
const portLimitMs = 180_000;
const stopLimitSeconds = 30;
const silent: Say = () => undefined;

/**
 * The all-in-one platform in a directory. Nothing runs before `up`; a directory that was up before keeps its shape, data and keys.
 * Throws when the options contradict what the directory already is.
 */
export async function createLab(options: LabOptions): Promise<Lab> {
  const directory = resolve(options.directory);
  const settings = settingsOf(directory, options);
  const layout = labLayout(settings.shape);
  const machines = typeof options.machines === 'object' ? options.machines : await labMachines(settings.machines, directory);
  const secretsDirectory = join(directory, 'secrets');
  const platformFile = join(directory, 'lab.yaml');
  const hosts = createHosts({ resolveSecret: createSecretResolver({ directories: [secretsDirectory] }) });

  const diskOf = (name: string): string => machines.diskOf?.(name) ?? '/';
  const place = (name: string): MachinePlace => ({
    address: machines.addressOf?.(name) ?? `10.77.0.${layout.machines.indexOf(name) + 11}`,
    disk: diskOf(name),
  });

  function machineOf(name: string): LabMachine {
    const machine = readMachines(directory).find((each) => each.name === name);
    if (!machine)
      throw new Error(
        layout.machines.includes(name)
          ? `the lab in ${directory} was never up`
          : `the lab has no machine "${name}"; it has ${layout.machines.join(', ')}`,
      );
    return machine;
  }

  const hostOf = (name: string): Promise<Host> => hosts.openHost(hostRefOf(machineOf(name)));

  async function bringUpMachines(say: Say, mongod: string): Promise<LabMachine[]> {
    const programs = { node: process.execPath, mongod };
    const found = await machines.up(
      layout.machines.map((name) => ({ name, address: place(name).address, units: unitsOf(layout, name, place(name), programs) })),
      say,
    );
    writeMachines(directory, found);
    const [first] = found;
    if (first) writeSecret(join(secretsDirectory, sshKeySecret), readFileSync(first.ssh.privateKeyFile, 'utf8'));
    return found;
  }

  function writeDisks(found: LabMachine[], keyFileText: string, say: Say): void {
    let bytes = 0;
    for (const { name, disk } of found) {
      for (const path of directoriesOf(layout, name)) mkdirSync(join(disk.here, path), { recursive: true });
      for (const { path, text, mode } of filesOf(layout, name, place, keyFileText)) writeMachineFile(join(disk.here, path), text, mode);
      if (name === 'back-1') bytes += ensureStorageFiles(join(disk.here, 'vitam/data/storage'), settings.seed);
    }
    say(`disks: configuration of ${found.length} machines, ${(bytes / 1_000_000).toFixed(1)} MB of archived objects`);
  }

  /** Starts units on every machine at the same time and waits for their ports. */
  async function start(what: string, pick: (machine: string) => { unit: string; ports: number[] }[], say: Say): Promise<void> {
    const beganAt = Date.now();
    let started = 0;
    let running = 0;
    const startOn = async (name: string): Promise<void> => {
      const picked = pick(name);
      if (picked.length === 0) return;
      const host = await hostOf(name);
      const startedHere = await startUnits(
        host,
        picked.map(({ unit }) => unit),
      );
      started += startedHere;
      for (const port of picked.flatMap(({ ports }) => ports)) await waitForHostPort(host, port, portLimitMs);
      running += picked.length;
    };
    await Promise.all(layout.machines.map(startOn));
    say(`${what}: ${running} run, ${started} of them started now, ${((Date.now() - beganAt) / 1000).toFixed(1)} s`);
  }

  async function ensureMongo(say: Say, keyFileText: string): Promise<void> {
    const forwards: { close(): Promise<void> }[] = [];
    const reach = async ({ machine, address, port }: ClusterMember): Promise<{ host: string; port: number }> => {
      if (machines.kind === 'supervisor') return { host: address, port };
      const forward = await (await hostOf(machine)).forward(port, address);
      forwards.push(forward);
      return { host: '127.0.0.1', port: forward.port };
    };
    const setOf = ({ name, role, machines: on, port }: LabReplicaSet): ClusterSet => ({
      name,
      role,
      members: on.map((machine) => ({ machine, address: place(machine).address, port })),
    });
    const plan = {
      config: setOf(layout.config),
      shards: layout.shards.map(setOf),
      keyFileText,
      adminPassword: ensureSecret(join(secretsDirectory, secretNames.mongoAdmin), 18),
      localAdminPassword: ensureSecret(join(secretsDirectory, secretNames.mongoLocalAdmin), 18),
      megabytesPerShard: settings.megabytesPerShard,
      seed: settings.seed,
    };
    try {
      await ensureMongoCluster(plan, { reach, say });
    } finally {
      for (const forward of forwards) await forward.close();
    }
  }

  async function servicesOn(machine: string): Promise<LabService[]> {
    const units = [...setsOn(layout, machine), ...componentsOn(layout, machine)].map(({ unit }) => unit);
    try {
      return await readUnits(await hostOf(machine), units);
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      return units.map((unit) => ({ machine, unit, running: false, said }));
    }
  }

  return {
    directory,
    shape: settings.shape,
    platformFile,
    secretsDirectory,

    async up(say = silent) {
      const beganAt = Date.now();
      writeSettings(directory, settings);
      const mongod = await tool('mongod', say);
      const found = await bringUpMachines(say, mongod);
      const keyFileText = ensureSecret(join(directory, 'keys', 'mongo-keyfile'), 96, 'base64');
      writeDisks(found, keyFileText, say);
      // Ports of mongod are not waited for here: a shard member opens its own only when a config server answers.
      await start('mongod', (machine) => setsOn(layout, machine).map(({ unit }) => ({ unit, ports: [] })), say);
      const components = (machine: string): { unit: string; ports: number[] }[] =>
        componentsOn(layout, machine).map(({ unit, servicePort, adminPort }) => ({
          unit,
          ports: adminPort === undefined ? [servicePort] : [servicePort, adminPort],
        }));
      // The stand-ins do not ask MongoDB, so they start while the balancer is waited for.
      await Promise.all([ensureMongo(say, keyFileText), start('components (stand-ins)', components, say)]);
      writeFileSync(platformFile, platformFileText({ layout, machines: found, diskOf, mongod }));
      say(`lab: up after ${((Date.now() - beganAt) / 1000).toFixed(1)} s; platform file ${platformFile}`);
      return found;
    },

    async down(say = silent) {
      // A shard member whose config servers have gone first takes half a minute to end.
      const shardMembers = layout.shards.flatMap(({ machines: on, unit }) => on.map((machine) => ({ machine, unit })));
      await Promise.allSettled(shardMembers.map(async ({ machine, unit }) => stopUnit(await hostOf(machine), unit, stopLimitSeconds)));
      await hosts.close();
      await machines.down(say);
    },

    powerOff: (machine) => machines.powerOff(machine),
    powerOn: (machine) => machines.powerOn(machine),
    services: async () => (await Promise.all(layout.machines.map(servicesOn))).flat(),

    async setKnobs(machine, component, knobs) {
      const { disk } = machineOf(machine);
      const carried = componentsOn(layout, machine).map(({ name }) => name);
      if (!carried.includes(component))
        throw new Error(`${machine} carries no component "${component}"; it carries ${carried.join(', ') || 'none'}`);
      return changeKnobs(join(disk.here, knobsPath(component)), knobs);
    },

    async addOperation(operation) {
      const processing = layout.components.find(({ name }) => name === 'processing');
      const host = await hostOf(processing?.machines[0] ?? '');
      const forward = await host.forward(processing?.servicePort ?? 0);
      try {
        const answer = await fetch(`http://127.0.0.1:${forward.port}/lab/operations`, {
          method: 'POST',
          headers: { connection: 'close' },
          body: JSON.stringify(operation),
        });
        if (answer.status !== 201) throw new Error(`processing answered ${answer.status} to a new workflow`);
      } finally {
        await forward.close();
      }
    },

    close: () => hosts.close(),
  };
}

function settingsOf(directory: string, { shape, megabytesPerShard, machines }: LabOptions): LabSettings {
  const kind = typeof machines === 'object' ? machines.kind : machines;
  const known = readSettings(directory);
  if (!known)
    return {
      shape: shape ?? 'full',
      megabytesPerShard: megabytesPerShard ?? defaultMegabytesPerShard,
      machines: kind ?? 'supervisor',
      seed: defaultSeed,
    };
  for (const [name, asked, is] of [
    ['shape', shape, known.shape],
    ['machines', kind, known.machines],
    ['megabytes per shard', megabytesPerShard, known.megabytesPerShard],
  ] as const)
    if (asked !== undefined && asked !== is)
      throw new Error(
        `the lab in ${directory} was made with ${name} ${is}, not ${asked}; take it down and remove the directory, or use another one`,
      );
  return known;
}
