import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { execa } from 'execa';

import type { Bench } from '../bench.contract.ts';
import type { CopyLab } from './copyLab.ts';
import type { CopyRun } from './copyRun.contract.ts';
import { planOldProcedure, type OldPart } from './oldPlan.ts';

const script = join(import.meta.dirname, 'oldProcedure.sh');

/** The old procedure ready to run on the lab's own hosts. */
export function createOldProcedure(bench: Bench, { machines, platform }: CopyLab): () => Promise<CopyRun> {
  const directory = join(bench.directory, 'old');
  mkdirSync(directory, { recursive: true });
  const planFile = join(directory, 'plan');
  const sshFile = join(directory, 'ssh_config');
  const knownHosts = join(directory, 'known_hosts');
  const { lines, parts, sets } = planOldProcedure(platform);
  writeFileSync(planFile, `${lines.join('\n')}\n`);
  writeFileSync(
    knownHosts,
    machines.map(({ name, ssh, disk }) => `[${ssh.address}]:${ssh.port} ${hostKeyOf(disk.here)} ${name}\n`).join(''),
  );
  writeFileSync(
    sshFile,
    machines
      .map(
        ({ name, ssh }) => `Host ${name}
  HostName ${ssh.address}
  Port ${ssh.port}
  User ${ssh.user}
  IdentityFile ${ssh.privateKeyFile}
  IdentitiesOnly yes
  UserKnownHostsFile ${knownHosts}
  StrictHostKeyChecking yes
  BatchMode yes
  ControlMaster auto
  ControlPath ${join(directory, '%n')}
  ControlPersist 300
`,
      )
      .join(''),
  );

  return async () => {
    for (const { target } of parts) rmSync(dirname(target), { recursive: true, force: true });
    const { stdout } = await execa('bash', [script, planFile, sshFile], { stdin: 'ignore', cancelSignal: bench.signal });
    return readRun(stdout, parts, sets);
  };
}

/** The lab keeps a machine's host key beside its disk. */
function hostKeyOf(disk: string): string {
  return readFileSync(join(disk, '..', 'ssh_host_ed25519_key.pub'), 'utf8')
    .trim()
    .split(' ')
    .slice(0, 2)
    .join(' ');
}

function readRun(said: string, parts: OldPart[], sets: number): CopyRun {
  const acts = said
    .trim()
    .split('\n')
    .map((line) => {
      const [ended = '', seconds = '', verb, name] = line.split(' ');
      return { ended: Number(ended), seconds: Number(seconds), verb, name };
    });
  const [first, last] = [acts[0], acts.at(-1)];
  if (!first || !last) throw new Error('the old procedure said nothing');
  const copies = acts.filter(({ verb }) => verb === 'copy');
  const firstCopy = (copies[0]?.ended ?? Number.NaN) - (copies[0]?.seconds ?? 0);
  return {
    window: last.ended - (first.ended - first.seconds),
    copying: sumOf(copies),
    copyingSets: sumOf(copies.slice(0, sets)),
    sets,
    phases: [
      { name: 'stops', seconds: firstCopy - (first.ended - first.seconds) },
      { name: 'copies', seconds: sumOf(copies) },
      { name: 'starts', seconds: last.ended - firstCopy - sumOf(copies) },
    ],
    parts: parts.map(({ name, target }) => ({
      name,
      seconds: copies.find((each) => each.name === name)?.seconds ?? Number.NaN,
      sourceBytes: Number(readFileSync(`${target}.source`, 'utf8')),
      writtenBytes: statSync(target).size,
    })),
  };
}

function sumOf(acts: { seconds: number }[]): number {
  return acts.reduce((sum, { seconds }) => sum + seconds, 0);
}
