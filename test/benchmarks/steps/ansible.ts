import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { execa } from 'execa';
import { stringify } from 'yaml';

import type { Bench } from '../bench.contract.ts';
import type { SshEnd } from './sshEnd.ts';

export interface Ansible {
  /** Runs a playbook of so many tasks that do nothing on the host; answers the seconds of the whole process. */
  run(module: 'command' | 'raw', tasks: number): Promise<number>;
}

/** Installs Debian's ansible-core when root may, says how to get it else. Null: not there. */
export async function ensureAnsible(say: (line: string) => void): Promise<boolean> {
  if (await isThere()) return true;
  const apt = await execa('apt-get', ['--version'], { reject: false, stdin: 'ignore' });
  if (apt.failed || process.getuid?.() !== 0) {
    say('NOT MEASURED: Ansible is not installed. As root on Debian: apt-get install --no-install-recommends ansible-core');
    return false;
  }
  say('ansible-core: installing the Debian package …');
  const environment = { env: { DEBIAN_FRONTEND: 'noninteractive' }, stdin: 'ignore', reject: false } as const;
  const install = ['install', '--yes', '--no-install-recommends', 'ansible-core'];
  if ((await execa('apt-get', install, environment)).failed) {
    await execa('apt-get', ['update'], environment);
    await execa('apt-get', install, environment);
  }
  if (await isThere()) return true;
  say('NOT MEASURED: apt-get could not install ansible-core');
  return false;
}

async function isThere(): Promise<boolean> {
  return !(await execa('ansible-playbook', ['--version'], { reject: false, stdin: 'ignore' })).failed;
}

/** Ansible at its best: pipelining, one kept connection (ControlPersist), no facts, the interpreter named. */
export function createAnsible(bench: Bench, host: SshEnd): Ansible {
  const directory = join(bench.directory, 'ansible');
  const file = (name: string): string => join(directory, name);
  mkdirSync(directory, { recursive: true });
  writeFileSync(file('known_hosts'), `[${host.address}]:${host.port} ${host.hostPublicKey}\n`);
  writeFileSync(
    file('inventory.yaml'),
    stringify({
      all: {
        hosts: {
          bench: {
            ansible_host: host.address,
            ansible_port: host.port,
            ansible_user: host.user,
            ansible_ssh_private_key_file: host.privateKeyFile,
            ansible_python_interpreter: '/usr/bin/python3',
          },
        },
      },
    }),
  );
  const controlPath = file('master');
  writeFileSync(
    file('ansible.cfg'),
    `[defaults]
gathering = explicit
local_tmp = ${file('tmp')}
retry_files_enabled = False
[ssh_connection]
pipelining = True
control_path = ${controlPath}
ssh_args = -o ControlMaster=auto -o ControlPersist=300s -o UserKnownHostsFile=${file('known_hosts')}
`,
  );
  bench.atEnd(() => execa('ssh', ['-o', `ControlPath=${controlPath}`, '-O', 'exit', host.address], { reject: false, stdin: 'ignore' }));

  return {
    async run(module, tasks) {
      const playbook = file(`${module}-${tasks}.yaml`);
      const task = (index: number): object => ({ name: `nothing ${index + 1}`, [`ansible.builtin.${module}`]: 'true' });
      const play = { hosts: 'all', gather_facts: false, tasks: Array.from({ length: tasks }, (_, index) => task(index)) };
      writeFileSync(playbook, stringify([play]));
      const beganMs = performance.now();
      await execa('ansible-playbook', ['--inventory', file('inventory.yaml'), playbook], {
        env: { ANSIBLE_CONFIG: file('ansible.cfg'), ANSIBLE_NOCOLOR: '1' },
        cwd: directory,
        stdin: 'ignore',
        cancelSignal: bench.signal,
      });
      return (performance.now() - beganMs) / 1000;
    },
  };
}
