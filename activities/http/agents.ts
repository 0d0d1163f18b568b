import type { Host, ResolveSecret } from '../hosts/host.ts';
import { HostAgent } from './hostAgent.ts';
import type { HttpRequest } from './http.contract.ts';
import { readSecureContext, secure } from './secureConnection.ts';

/** The connections of one activity to the services of a host: one for each port and way to trust it. */
export function openAgents(host: Host, resolveSecret: ResolveSecret): { for(request: HttpRequest): HostAgent; close(): void } {
  const agents = new Map<string, HostAgent>();
  return {
    for({ scheme, port, tls = {} }) {
      const key = JSON.stringify([scheme, port, tls.certificate, tls.key, tls.authority, tls.serverName]);
      const known = agents.get(key);
      if (known) return known;
      const agent = new HostAgent(async (closing) => {
        if (scheme === 'http') return host.connect(port);
        const context = await readSecureContext(tls, resolveSecret);
        return secure(await host.connect(port), context, tls.serverName ?? host.ref.address, closing);
      });
      agents.set(key, agent);
      return agent;
    },
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}
