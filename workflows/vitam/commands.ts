import type { HostRef } from '../../activities/hosts/hosts.contract.ts';

/**
 * What a person types for a step, for the plan and for the message of a platform that did not come back. For reading: the
 * activities build their own argument arrays.
 */
export function onHost(host: HostRef, command: string): string {
  return host.reach.kind === 'ssh' ? `ssh -p ${host.reach.port} ${host.reach.user}@${host.reach.address} '${command}'` : command;
}

export function serviceCommand(host: HostRef, verb: 'start' | 'stop' | 'status', unit: string): string {
  const manager = host.serviceManager;
  switch (manager.kind) {
    case 'systemd':
      return onHost(host, `${manager.sudo ? 'sudo ' : ''}systemctl ${verb} ${unit}`);
    case 'supervisor':
      return onHost(host, `${manager.command} -c ${manager.configFile} ${verb} ${unit}`);
    case 'scalingo':
      return `${manager.command} --region ${manager.region} --app ${manager.app} ${verb === 'status' ? 'ps' : `scale ${unit}:${verb === 'stop' ? 0 : 1}`}`;
  }
}
