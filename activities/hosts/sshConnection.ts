import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';

import { Client, type ClientChannel } from 'ssh2';

import { failure } from '../failure.ts';
import { unlessAborted } from '../tools/unlessAborted.ts';
import { createChannelSlots, type ChannelSlots } from './channelSlots.ts';
import type { ResolveSecret } from './host.ts';
import type { SshReach } from './hosts.contract.ts';
import { openProxySocket } from './proxySocket.ts';

export interface ConnectionSettings {
  connectTimeoutMs: number;
  keepaliveMs: number;
  /** Keepalives without an answer after which the connection counts as lost. */
  keepaliveMissesMax: number;
  /** Commands at once over one connection; two more sessions are kept for ending commands. */
  commandsAtOnceMax: number;
}

/** One authenticated connection to a pinned host. */
export interface SshConnection {
  /** Aborts, with HostUnreachable as its reason, when the connection is gone. */
  readonly lost: AbortSignal;
  readonly commandSlots: ChannelSlots;
  readonly killSlots: ChannelSlots;
  /**
   * @param take called at once with the open channel: the exit code of a quick command comes with the same packet, so a listener
   * that is added after an `await` may miss it.
   */
  exec<T>(text: string, take: (channel: ClientChannel) => T): Promise<T>;
  forwardOut(address: string, port: number): Promise<Duplex>;
  end(): void;
}

export async function connectSsh(
  hostName: string,
  reach: SshReach,
  resolveSecret: ResolveSecret,
  settings: ConnectionSettings,
): Promise<SshConnection> {
  const privateKey = await resolveSecret(reach.privateKey);
  const client = new Client();
  const ready = Promise.withResolvers<void>();
  const lost = new AbortController();
  let refusedKey: string | undefined;
  const explain = (error: Error | undefined): Error => describeTrouble(hostName, reach, error, refusedKey);

  client.once('ready', () => ready.resolve());
  client.on('error', (error) => {
    ready.reject(explain(error));
    lost.abort(explain(error));
    client.destroy();
  });
  client.once('close', () => {
    ready.reject(explain(undefined));
    lost.abort(explain(undefined));
  });

  const socket = reach.proxyCommand ? openProxySocket(reach.proxyCommand) : undefined;
  try {
    client.connect({
      host: reach.address,
      port: reach.port,
      username: reach.user,
      privateKey,
      readyTimeout: settings.connectTimeoutMs,
      keepaliveInterval: settings.keepaliveMs,
      keepaliveCountMax: settings.keepaliveMissesMax,
      // Called before authentication, so nothing of ours reaches a host that is not the pinned one.
      hostVerifier: (key: Buffer) => {
        const fingerprint = fingerprintOf(key);
        if (reach.hostKeys.includes(fingerprint)) return true;
        refusedKey = fingerprint;
        return false;
      },
      ...(socket ? { sock: socket } : {}),
    });
    await ready.promise;
  } catch (error) {
    client.destroy();
    socket?.destroy();
    throw isKeyParseError(error)
      ? failure(
          'CredentialsRejected',
          `secret "${reach.privateKey}" for ${hostName} is not a private key in OpenSSH format without a passphrase`,
          { host: hostName },
        )
      : error;
  }
  // Without this every small command waits for Nagle's timer: 49 ms instead of 3 ms.
  client.setNoDelay(true);

  const orLost = <T>(work: Promise<T>): Promise<T> => unlessAborted(work, [lost.signal]);
  return {
    lost: lost.signal,
    commandSlots: createChannelSlots(settings.commandsAtOnceMax),
    killSlots: createChannelSlots(2),
    exec: (text, take) =>
      orLost(
        new Promise((resolve, reject) => {
          client.exec(text, (error, channel) => {
            if (error) return reject(error);
            return resolve(take(channel));
          });
        }),
      ),
    forwardOut: (address, port) =>
      orLost(
        new Promise(
          (resolve, reject) =>
            void client.forwardOut('127.0.0.1', 0, address, port, (error, channel) => (error ? reject(error) : resolve(channel))),
        ),
      ),
    end: () => {
      client.end();
      socket?.destroy();
    },
  };
}

/** As OpenSSH prints it: "SHA256:" and base64 without padding. */
function fingerprintOf(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function isKeyParseError(error: unknown): boolean {
  return error instanceof Error && /privateKey/.test(error.message);
}

function describeTrouble(hostName: string, reach: SshReach, error: Error | undefined, refusedKey: string | undefined): Error {
  const place = `${hostName} (${reach.user}@${reach.address}:${reach.port})`;
  if (refusedKey !== undefined) {
    return failure('HostKeyChanged', `${place} presents the host key ${refusedKey}; pinned: ${reach.hostKeys.join(', ') || 'none'}`, {
      host: hostName,
      presented: refusedKey,
    });
  }
  const level = (error as { level?: string } | undefined)?.level;
  if (level === 'client-authentication' || /authentication/i.test(error?.message ?? '')) {
    return failure('CredentialsRejected', `${place} refuses the key of secret "${reach.privateKey}"`, { host: hostName }, error);
  }
  return failure('HostUnreachable', `${place}: ${error?.message ?? 'the connection was closed'}`, { host: hostName }, error);
}
