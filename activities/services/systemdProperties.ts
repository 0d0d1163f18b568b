import type { ServiceCondition } from './services.contract.ts';
import type { UnitReading } from './unitManager.ts';

export const systemdProperties = [
  'LoadState',
  'ActiveState',
  'SubState',
  'Result',
  'MainPID',
  'ExecMainCode',
  'ExecMainStatus',
  'ExecMainStartTimestamp',
  'StateChangeTimestamp',
] as const;

const conditions: Record<string, ServiceCondition> = {
  active: 'running',
  reloading: 'running',
  refreshing: 'running',
  inactive: 'stopped',
  failed: 'failed',
  activating: 'starting',
  deactivating: 'stopping',
  maintenance: 'stopping',
};

/** Reads what `TZ=UTC systemctl show` printed, in whatever order; systemd prints an unknown unit without complaint. */
export function readSystemdProperties(text: string): UnitReading | 'unknown' {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1).trim());
  }
  const of = (name: (typeof systemdProperties)[number]): string => values.get(name) ?? '';
  const condition = conditions[of('ActiveState')];
  // A unit whose file was taken away while it ran is "not-found" and still active: it can be stopped.
  if (condition === undefined || (of('LoadState') === 'not-found' && condition === 'stopped')) return 'unknown';

  const result = of('Result') && of('Result') !== 'success' ? `, ${of('Result')}` : '';
  const masked = of('LoadState') !== 'loaded' ? `, ${of('LoadState')}` : '';
  const processId = Number(of('MainPID'));
  const exitStatus = readExitStatus(of('ExecMainCode'), of('ExecMainStatus'));
  const sinceAt = readInstant(of('StateChangeTimestamp'));
  const lastStartAt = readInstant(of('ExecMainStartTimestamp'));
  return {
    condition,
    said: `${of('ActiveState')} (${of('SubState')}${result}${masked})`,
    ...(sinceAt ? { sinceAt } : {}),
    ...(processId > 0 ? { processId } : {}),
    ...(exitStatus === undefined ? {} : { exitStatus }),
    ...(lastStartAt ? { lastStartAt } : {}),
  };
}

/**
 * Of a unit that ended well and to which no other unit refers (a timer does) systemd keeps nothing in memory: no status, no times.
 * Code 1 is an exit, 2 and 3 an end by a signal, 0 a process that has not ended or never began.
 */
function readExitStatus(code: string, status: string): number | undefined {
  if (code === '1') return Number(status);
  if (code === '2' || code === '3') return 128 + Number(status);
  return undefined;
}

/** "Fri 2026-11-20 22:15:03 UTC" */
function readInstant(text: string): string | undefined {
  const [, day, time] = /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.\d+)? UTC/.exec(text) ?? [];
  return day && time ? new Date(`${day}T${time}Z`).toISOString() : undefined;
}
