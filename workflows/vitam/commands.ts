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
  const command =
    manager.kind === 'systemd'
      ? `${manager.sudo ? 'sudo ' : ''}systemctl ${verb} ${unit}`
      : `${manager.command} -c ${manager.configFile} ${verb} ${unit}`;
  return onHost(host, command);
}
