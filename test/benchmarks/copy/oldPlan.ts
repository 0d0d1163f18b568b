import type { HostRef } from '../../../activities/hosts/hosts.contract.ts';
import type { VitamPlatform, VitamComponent } from '../../../workflows/vitam/platform.contract.ts';
import { backupDirectory } from '../../../workflows/vitam/setNames.ts';

export interface OldPart {
  name: string;
  target: string;
}

/** The old procedure as the lines that oldProcedure.sh reads: the same services in the same order as ours, the same parts. */
export function planOldProcedure(platform: VitamPlatform): { lines: string[]; parts: OldPart[]; sets: number } {
  const lines: string[] = [];
  const parts: OldPart[] = [];
  const add = (...fields: string[]): void => void lines.push(fields.join('\t'));
  const order = (verb: 'start' | 'stop', host: HostRef, unit: string): void => {
    const { serviceManager } = host;
    if (serviceManager.kind !== 'supervisor') throw new Error('the old procedure is written for supervisor machines');
    add(verb, host.name, unit, serviceManager.command, serviceManager.configFile);
  };
  const until = (state: 'open' | 'closed', host: HostRef, unit: string, ports: number[]): void =>
    add(state, host.name, unit, host.address, ports.join(' '));
  const copy = (name: string, host: HostRef, source: string): void => {
    const target = `${backupDirectory(platform, host)}/old/${name}.tar.gz`;
    parts.push({ name, target });
    add('copy', host.name, name, source, target);
  };
  const component = (wanted: string): VitamComponent => {
    const found = platform.components.find(({ name }) => name === wanted);
    if (!found) throw new Error(`the order names an unknown component ${wanted}`);
    return found;
  };
  const portsOf = ({ servicePort, adminPort }: VitamComponent): number[] =>
    adminPort === undefined ? [servicePort] : [servicePort, adminPort];
  // One member for each set in the small lab, so the first is the primary.
  const members = platform.clusters.flatMap((cluster) =>
    [...cluster.shards, cluster.config].map((set) => {
      const [first] = set.members;
      if (!first) throw new Error(`${set.name} has no members`);
      return { set, first };
    }),
  );

  for (const each of [...platform.order.fronts, ...platform.order.workers, ...platform.order.backEnds, ...platform.order.search].map(
    component,
  ))
    for (const host of each.hosts) {
      order('stop', host, each.unit);
      until('closed', host, each.unit, portsOf(each));
    }
  for (const { first } of members) {
    order('stop', first.host, first.unit);
    until('closed', first.host, first.unit, [first.port]);
  }
  for (const { set, first } of members) copy(set.role === 'config' ? 'configsrv' : set.name, first.host, first.dataDirectory);
  for (const { name, host, path } of platform.backup.further) copy(name, host, path);
  // A shard member opens its port only when a config server answers, so all are started before the first is waited for.
  for (const { first } of members) order('start', first.host, first.unit);
  for (const { first } of members) until('open', first.host, first.unit, [first.port]);
  for (const each of platform.order.start.map(component))
    for (const host of each.hosts) {
      order('start', host, each.unit);
      until('open', host, each.unit, portsOf(each));
    }
  return { lines, parts, sets: members.length };
}
