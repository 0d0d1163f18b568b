import type { OpenHost, ResolveSecret } from './host.ts';
import { createLocalHost } from './localHost.ts';
import type { ConnectionSettings } from './sshConnection.ts';
import { createSshConnections, type Log } from './sshConnections.ts';
import { createSshHost } from './sshHost.ts';

export interface HostsDependencies {
  resolveSecret: ResolveSecret;
  log?: Log;
  settings?: Partial<ConnectionSettings>;
}

/** A dead host is noticed after 20 s; sshd's own limit is 10 sessions on a connection. */
const defaults: ConnectionSettings = { connectTimeoutMs: 10_000, keepaliveMs: 5_000, keepaliveMissesMax: 3, commandsAtOnceMax: 8 };

/** The ways to machines, one kept connection for each. `close` ends the connections; commands under way then fail. */
export function createHosts({ resolveSecret, log = () => {}, settings: given }: HostsDependencies): {
  openHost: OpenHost;
  close(): Promise<void>;
} {
  const settings = { ...defaults, ...given };
  const connections = createSshConnections(resolveSecret, settings, log);
  return {
    async openHost(ref) {
      if (ref.reach.kind === 'local') return createLocalHost(ref, settings);
      await connections.to(ref.name, ref.reach);
      return createSshHost(ref, ref.reach, connections, settings);
    },
    close: () => connections.close(),
  };
}
