import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import { tool } from '../../../deploy/setup/tools.ts';
import { waitUntil } from '../../support/waitUntil.ts';

export interface Program {
  command: string[];
  settings?: Record<string, string>;
}

export interface Supervisord {
  directory: string;
  ref: HostRef;
  stop(): Promise<void>;
}

/** A real supervisord of our own, with these programs; none starts by itself. */
export async function startSupervisord(programs: Record<string, Program>): Promise<Supervisord> {
  const bin = await tool('supervisor');
  const directory = mkdtempSync(join(tmpdir(), 'nightshift-supervisor-'));
  const socket = join(directory, 'socket');
  const configFile = join(directory, 'supervisord.conf');
  const section = (name: string, settings: Record<string, string>): string =>
    [`[${name}]`, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`), ''].join('\n');
  const sections = [
    section('supervisord', { logfile: join(directory, 'log'), pidfile: join(directory, 'pid'), childlogdir: directory, nodaemon: 'true' }),
    section('unix_http_server', { file: socket }),
    section('rpcinterface:supervisor', { 'supervisor.rpcinterface_factory': 'supervisor.rpcinterface:make_main_rpcinterface' }),
    section('supervisorctl', { serverurl: `unix://${socket}` }),
    ...Object.entries(programs).map(([name, { command, settings }]) =>
      section(`program:${name}`, {
        command: command.map((argument) => `"${argument.replaceAll('%', '%%')}"`).join(' '),
        autostart: 'false',
        autorestart: 'false',
        startretries: '1',
        stopasgroup: 'true',
        killasgroup: 'true',
        ...settings,
      }),
    ),
  ];
  writeFileSync(configFile, sections.join('\n'));
  const daemon = spawn(join(bin, 'supervisord'), ['-c', configFile], { stdio: 'ignore', cwd: directory });
  const command = join(bin, 'supervisorctl');
  const stop = async (): Promise<void> => {
    await end(daemon);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await waitUntil('supervisord answers', () => answers(command, configFile));
  } catch (error) {
    await stop();
    throw error;
  }
  const ref: HostRef = {
    name: 'supervised',
    address: '127.0.0.1',
    reach: { kind: 'local' },
    serviceManager: { kind: 'supervisor', command, configFile },
    stateDirectory: join(directory, 'state'),
  };
  return { directory, ref, stop };
}

async function answers(command: string, configFile: string): Promise<boolean> {
  const asked = spawn(command, ['-c', configFile, 'pid'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  asked.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await new Promise((resolve) => asked.once('close', resolve));
  return /^\d+\s*$/.test(said);
}

/** On TERM supervisord ends its programs, by KILL after their stopwaitsecs. */
async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return;
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  await ended;
}
