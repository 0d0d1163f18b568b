import { cpus, loadavg, release, totalmem } from 'node:os';

import { execa } from 'execa';

import { tool } from '../../deploy/setup/tools.ts';

/** What a reader needs to place the numbers: processors, memory, kernel, versions, and how busy the machine already was. */
export async function machineFacts(): Promise<Record<string, string>> {
  const [processor] = cpus();
  return {
    processors: `${cpus().length} x ${processor?.model.trim() ?? 'unknown'}`,
    memory: `${(totalmem() / 1e9).toFixed(0)} GB`,
    kernel: release(),
    node: process.versions.node,
    temporal: await firstLine(await tool('temporal'), ['--version']),
    mongod: await firstLine(await tool('mongod'), ['--version']),
    tar: await firstLine('tar', ['--version']),
    gzip: await firstLine('gzip', ['--version']),
    zstd: await firstLine('zstd', ['--version']),
    ssh: await firstLine('ssh', ['-V']),
    ansible: await firstLine('ansible-playbook', ['--version']),
    'load before': loadavg()
      .map((value) => value.toFixed(2))
      .join(' '),
  };
}

async function firstLine(command: string, args: string[]): Promise<string> {
  const { all, failed } = await execa(command, args, { all: true, reject: false, stdin: 'ignore' });
  return failed ? 'not there' : (all.split('\n')[0] ?? '').replaceAll('*', '').trim();
}
