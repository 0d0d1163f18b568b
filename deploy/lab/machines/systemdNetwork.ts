import { createHash } from 'node:crypto';

import { execa } from 'execa';

/** The closed network of one lab: a namespace with the switch, which is also the client's side, and one namespace per machine. */
export interface LabNetwork {
  /** Namespace of the switch; a client that runs in it reaches every machine. */
  switchNamespace: string;
  addressOf(number: number): string;
  namespaceOf(machine: string): string;
  /** Makes the switch. Repeatable: what is there stays. */
  ensureSwitch(): Promise<void>;
  /** Makes a machine's namespace and plugs it in. Repeatable. */
  ensureMachine(machine: string, number: number): Promise<void>;
  /** Port of the machine on the switch: down, packets to it vanish. */
  setPort(number: number, state: 'up' | 'down'): Promise<void>;
  /** Ids of processes that run in any namespace of this lab. */
  processes(): Promise<number[]>;
  /** Takes every namespace of this lab away, and with them their links. Repeatable. */
  remove(): Promise<void>;
}

/** Number of the first machine in the network; lower ones are the lab's own. */
const firstMachineNumber = 10;
const switchNumber = 1;
/** Machines that one network of 256 addresses can hold. */
export const machinesMax = 256 - firstMachineNumber - 1;

/**
 * @param lab short name of the lab, unique on this computer; names and addresses follow from it, so two labs live side by side.
 * Nothing of it is in the root namespace: no link, no address, no route.
 */
export function createLabNetwork(lab: string): LabNetwork {
  const [second = 0, third = 0] = createHash('sha256').update(lab).digest();
  const addressAt = (last: number): string => `10.${second}.${third}.${last}`;
  const prefix = `nightshift-${lab}`;
  const namespaceOf = (machine: string): string => `${prefix}-${machine}`;

  /** Commands of `ip`, in one go inside a namespace. */
  async function ipIn(namespace: string, lines: string[]): Promise<void> {
    await execa('ip', ['-n', namespace, '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  async function namespaces(): Promise<string[]> {
    const { stdout } = await execa('ip', ['netns', 'list']);
    const names = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
    return names.filter((name) => name === prefix || name.startsWith(`${prefix}-`));
  }

  /** The address is given last: whoever has it is whole. */
  async function hasAddress(namespace: string, link: string, address: string): Promise<boolean> {
    const { stdout, failed } = await execa('ip', ['-n', namespace, '-brief', 'address', 'show', 'dev', link], { reject: false });
    return !failed && stdout.includes(` ${address}/`);
  }

  /** What an interrupted making left. */
  async function remove(namespace: string): Promise<void> {
    if ((await namespaces()).includes(namespace)) await execa('ip', ['netns', 'delete', namespace]);
  }

  return {
    switchNamespace: prefix,
    addressOf: (number) => addressAt(firstMachineNumber + number),
    namespaceOf,

    async ensureSwitch() {
      const address = addressAt(switchNumber);
      if (await hasAddress(prefix, 'switch', address)) return;
      await remove(prefix);
      await execa('ip', ['netns', 'add', prefix]);
      await ipIn(prefix, ['link set lo up', 'link add switch type bridge', 'link set switch up', `address add ${address}/24 dev switch`]);
    },

    async ensureMachine(machine, number) {
      const namespace = namespaceOf(machine);
      const address = addressAt(firstMachineNumber + number);
      if (await hasAddress(namespace, 'eth0', address)) return;
      await execa('ip', ['-n', prefix, 'link', 'delete', `port${number}`], { reject: false });
      await remove(namespace);
      await execa('ip', ['netns', 'add', namespace]);
      await ipIn(prefix, [
        `link add port${number} type veth peer name eth0 netns ${namespace}`,
        `link set port${number} master switch`,
        `link set port${number} up`,
      ]);
      const network = `${address.slice(0, address.lastIndexOf('.'))}.0/24`;
      await ipIn(namespace, [
        'link set lo up',
        'link set eth0 up',
        `address add ${address}/24 dev eth0`,
        // The proxy command cannot turn Nagle's algorithm off; delayed answers on top of it make 93 ms of every SSH command instead of 5.
        `route change ${network} dev eth0 proto kernel scope link src ${address} quickack 1`,
      ]);
    },

    async setPort(number, state) {
      await ipIn(prefix, [`link set port${number} ${state}`]);
    },

    async processes() {
      const found: number[] = [];
      for (const namespace of await namespaces()) {
        const { stdout } = await execa('ip', ['netns', 'pids', namespace]);
        found.push(...stdout.split('\n').filter(Boolean).map(Number));
      }
      return found;
    },

    async remove() {
      for (const namespace of await namespaces()) await execa('ip', ['netns', 'delete', namespace]);
    },
  };
}
