import { readFileSync, readdirSync } from 'node:fs';

/** The process group of a process that runs. */
export function groupOf(pid: string): number | undefined {
  const stat = readProcess(pid, 'stat');
  return stat && !/\) Z /.test(stat) ? Number(stat.slice(stat.lastIndexOf(')')).split(' ')[3]) : undefined;
}

/** The processes of a group that run. */
export function membersOf(group: number): string[] {
  return readdirSync('/proc').filter((pid) => groupOf(pid) === group);
}

export function nameOf(pid: string): string | undefined {
  return readProcess(pid, 'comm')?.trim();
}

function readProcess(pid: string, file: string): string | undefined {
  if (!/^\d+$/.test(pid)) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
