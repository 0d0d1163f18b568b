import type { ResolveSecret } from './host.ts';
import type { SshReach } from './hosts.contract.ts';
import { connectSsh, type ConnectionSettings, type SshConnection } from './sshConnection.ts';

export interface SshConnections {
  /** The kept connection, or a new one. Callers at the same time share one attempt to connect. */
  to(hostName: string, reach: SshReach): Promise<SshConnection>;
  close(): Promise<void>;
}

export type Log = (message: string, facts: Record<string, unknown>) => void;

/** Keeps one connection per way to reach a host; a lost one is forgotten, so that the next use connects again. */
export function createSshConnections(resolveSecret: ResolveSecret, settings: ConnectionSettings, log: Log): SshConnections {
  const kept = new Map<string, Promise<SshConnection>>();

  const open = async (key: string, hostName: string, reach: SshReach): Promise<SshConnection> => {
    const beganMs = performance.now();
    const connection = await connectSsh(hostName, reach, resolveSecret, settings);
    log('connected to host', { host: hostName, elapsedMs: Math.round(performance.now() - beganMs) });
    connection.lost.addEventListener('abort', () => {
      if (kept.delete(key)) log('connection to host lost', { host: hostName });
    });
    return connection;
  };

  return {
    to(hostName, reach) {
      const key = JSON.stringify(reach);
      const known = kept.get(key);
      if (known) return known;
      const opening = open(key, hostName, reach);
      kept.set(key, opening);
      opening.then(
        // Lost before anybody could listen.
        (connection) => connection.lost.aborted && kept.delete(key),
        () => kept.delete(key),
      );
      return opening;
    },
    async close() {
      const connections = await Promise.allSettled(kept.values());
      kept.clear();
      for (const each of connections) if (each.status === 'fulfilled') each.value.end();
    },
  };
}
