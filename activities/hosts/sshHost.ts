import { constants } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

import type { ClientChannel } from 'ssh2';

import { failure } from '../failure.ts';
import { endsWithin, unlessAborted } from '../tools/unlessAborted.ts';
import { createCommandRunner } from './commandRunner.ts';
import { openForward } from './forward.ts';
import { ConnectionRefused, type Host } from './host.ts';
import type { HostRef, SshReach } from './hosts.contract.ts';
import { killText, leaderText, ProcessIdLine } from './remoteGroup.ts';
import type { SshConnection } from './sshConnection.ts';
import type { SshConnections } from './sshConnections.ts';
import type { StartCommand, StartedCommand } from './superviseCommand.ts';

/** For how long a refused session is asked for again, with pauses that grow by this. */
const refusedForMs = 5_000;
const refusalPauseMs = 50;

/** How long a command that shall end may take to tell its process id. */
const idWithinMs = 5_000;

/** SSH_OPEN_CONNECT_FAILED of RFC 4254; its text tells a refused connection from the rest. */
const connectFailed = 2;

/** A machine over SSH. Holds no connection itself: each use asks for the kept one, so a lost connection costs one failed use. */
export function createSshHost(
  ref: HostRef,
  reach: SshReach,
  connections: SshConnections,
  { connectTimeoutMs }: { connectTimeoutMs: number },
): Host {
  const sudo = ref.serviceManager.kind === 'systemd' && ref.serviceManager.sudo;
  const start: StartCommand = async (command, signal) => {
    const connection = await unlessAborted(connections.to(ref.name, reach), [signal]);
    const release = await connection.commandSlots.take([signal, connection.lost]);
    try {
      return await startRemotely(ref.name, connection, command, sudo, release);
    } catch (error) {
      release();
      throw error;
    }
  };
  const host: Host = {
    ref,
    ...createCommandRunner(ref.name, start),
    async connect(port, address = ref.address) {
      const connection = await connections.to(ref.name, reach);
      const opening = connection.forwardOut(address, port);
      try {
        return await unlessAborted(opening, [AbortSignal.timeout(connectTimeoutMs)]);
      } catch (error) {
        opening.then((late) => late.destroy()).catch(() => {});
        throw describeRefusal(ref.name, port, address, error);
      }
    },
    forward: (port, address) => openForward(() => host.connect(port, address)),
  };
  return host;
}

async function startRemotely(
  hostName: string,
  connection: SshConnection,
  command: readonly string[],
  sudo: boolean,
  release: () => void,
): Promise<StartedCommand> {
  const { text, marker } = leaderText(command);
  const take = (channel: ClientChannel): StartedCommand => {
    const stderr = new ProcessIdLine(marker);
    channel.stderr.pipe(stderr);
    channel.once('close', release);
    return {
      stdin: channel,
      stdout: channel,
      stderr,
      exitCode: exitCodeOf(hostName, channel, connection.lost),
      kill: (signal) => kill(connection, channel, stderr, signal, sudo),
      abandon: () => {
        channel.close();
        channel.resume();
      },
    };
  };
  try {
    return await openSession(connection, text, take);
  } catch (error) {
    if (connection.lost.aborted) throw connection.lost.reason;
    throw failure('HostUnreachable', `sshd of ${hostName} opens no session: ${String(error)}`, { host: hostName }, error);
  }
}

/** A session that has just ended here may still count over there (MaxSessions). Nothing was begun by a refused one: it is safe to ask again. */
async function openSession<T>(connection: SshConnection, text: string, take: (channel: ClientChannel) => T): Promise<T> {
  const beganMs = performance.now();
  for (let refusals = 1; ; refusals += 1) {
    try {
      return await connection.exec(text, take);
    } catch (error) {
      if (connection.lost.aborted || !isRefusedChannel(error) || performance.now() - beganMs > refusedForMs) throw error;
      await pause(refusals * refusalPauseMs);
    }
  }
}

function isRefusedChannel(error: unknown): boolean {
  return error instanceof Error && /channel open failure/i.test(error.message);
}

function exitCodeOf(hostName: string, channel: ClientChannel, lost: AbortSignal): Promise<number> {
  const exitCode = Promise.withResolvers<number>();
  exitCode.promise.catch(() => {});
  channel.once('exit', (code: number | null, signal?: string) => {
    const name = `SIG${(signal ?? '').replace(/^SIG/, '')}` as keyof typeof constants.signals;
    exitCode.resolve(code ?? 128 + (constants.signals[name] ?? 0));
  });
  const cutShort = failure('HostUnreachable', `the session with ${hostName} closed before the command's end`, { host: hostName });
  channel.once('close', () => exitCode.reject(lost.aborted ? lost.reason : cutShort));
  return exitCode.promise;
}

async function kill(
  connection: SshConnection,
  channel: ClientChannel,
  line: ProcessIdLine,
  signal: 'TERM' | 'KILL',
  sudo: boolean,
): Promise<void> {
  // A command that has just begun tells its id in a moment. sshd itself sends signals to sessions of other users than root only.
  await endsWithin(unlessAborted(line.told, [connection.lost]), idWithinMs);
  if (connection.lost.aborted) return;
  const { processId } = line;
  if (processId === undefined) {
    channel.signal(signal);
    return;
  }
  try {
    const release = await connection.killSlots.take([connection.lost]);
    try {
      const closed = Promise.withResolvers<void>();
      const take = (killer: ClientChannel): unknown => killer.once('close', closed.resolve).resume().stderr.resume();
      await openSession(connection, killText(processId, signal, sudo), take);
      await unlessAborted(closed.promise, [connection.lost, AbortSignal.timeout(5_000)]);
    } finally {
      release();
    }
  } catch {
    channel.signal(signal);
  }
}

function describeRefusal(hostName: string, port: number, address: string, error: unknown): unknown {
  const place = `port ${port} of ${address} on ${hostName}`;
  const { reason, message = String(error), name } = error as { reason?: number; message?: string; name?: string };
  if (reason === connectFailed && /connection refused/i.test(message)) return new ConnectionRefused(`${place} refuses connections`);
  if (reason === 1)
    return failure(
      'CommandFailed',
      `sshd of ${hostName} forbids connections to ${place} (AllowTcpForwarding)`,
      { host: hostName, port },
      error,
    );
  if (reason !== undefined || name === 'TimeoutError')
    return failure('HostUnreachable', `${place} does not answer: ${message}`, { host: hostName, port }, error);
  return error;
}
