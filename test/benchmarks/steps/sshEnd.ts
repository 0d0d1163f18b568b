import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort } from '../../../deploy/lab/freePort.ts';
import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { endProcess } from '../../../deploy/lab/temporal/devServer.ts';
import type { SshFrontConfiguration } from '../../../deploy/lab/machines/sshFront.ts';
import { ensureKeyPair } from '../../../deploy/lab/machines/sshKeys.ts';
import { waitForPort } from '../../../deploy/lab/machines/waitForListener.ts';
import { sshServerMissing, startSshServer } from '../../activities/hosts/sshServer.ts';
import type { Bench } from '../bench.contract.ts';

/** One machine over SSH, for both sides of the comparison. */
export interface SshEnd {
  /** What serves: real OpenSSH, or the lab's stand-in. */
  served: string;
  ref: HostRef;
  address: string;
  port: number;
  user: string;
  privateKeyFile: string;
  /** The host's public key, OpenSSH format. */
  hostPublicKey: string;
  resolveSecret(this: void, name: string): Promise<string>;
}

const loopback = '127.0.0.1';

/** The real sshd as a process of our own on a free loopback port; where there is none the lab's SSH front, said loudly. */
export async function openSshEnd(bench: Bench): Promise<SshEnd> {
  const missing = sshServerMissing();
  if (missing === undefined) return openReal(bench);
  bench.say(`${missing}; measuring against the lab's SSH front, which is slower than sshd`);
  return openFront(bench);
}

async function openReal(bench: Bench): Promise<SshEnd> {
  const opening = startSshServer();
  bench.atEnd(async () => (await opening).stop());
  const server = await opening;
  const reach = server.reach();
  return {
    served: 'OpenSSH sshd on loopback',
    ref: server.ref(),
    address: loopback,
    port: server.port,
    user: reach.user,
    privateKeyFile: join(server.directory, 'key'),
    hostPublicKey: readFileSync(join(server.directory, 'host.pub'), 'utf8').trim(),
    resolveSecret: (name) => server.resolveSecret(name),
  };
}

async function openFront(bench: Bench): Promise<SshEnd> {
  const client = ensureKeyPair(join(bench.directory, 'client_key'), 'benchmark client');
  const host = ensureKeyPair(join(bench.directory, 'host_key'), 'benchmark host');
  const configuration: SshFrontConfiguration = {
    machine: 'bench',
    address: loopback,
    port: await freePort(),
    user: 'bench',
    hostKeyFile: join(bench.directory, 'host_key'),
    authorizedKey: client.publicKey,
    home: bench.directory,
  };
  const file = join(bench.directory, 'front.json');
  writeFileSync(file, JSON.stringify(configuration));
  const program = join(import.meta.dirname, '..', '..', '..', 'deploy', 'lab', 'machines', 'sshFront.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, file], { stdio: 'ignore' });
  bench.atEnd(() => endProcess(child));
  const { address, port, user } = configuration;
  await waitForPort({ address, port, limitMs: 20_000, what: 'SSH front of the benchmark', alive: () => child.exitCode === null });
  return {
    served: "the lab's SSH front, a STAND-IN for sshd",
    ref: {
      name: 'over-ssh',
      address,
      reach: { kind: 'ssh', address, port, user, privateKey: 'key', hostKeys: [host.fingerprint] },
      serviceManager: { kind: 'supervisor', command: 'supervisorctl', configFile: '/none' },
      stateDirectory: join(bench.directory, 'state'),
    },
    address,
    port,
    user,
    privateKeyFile: client.file,
    hostPublicKey: host.publicKey,
    resolveSecret: async () => readFileSync(client.file, 'utf8'),
  };
}
