import type { ServiceCondition } from './services.contract.ts';
import type { UnitReading } from './unitManager.ts';

const conditions: Record<string, ServiceCondition> = {
  RUNNING: 'running',
  STARTING: 'starting',
  // Between two attempts to start; it ends in RUNNING or FATAL.
  BACKOFF: 'starting',
  STOPPING: 'stopping',
  STOPPED: 'stopped',
  // Ended by itself; until its exit status is known it must not pass for a clean stop.
  EXITED: 'failed',
  FATAL: 'failed',
  UNKNOWN: 'failed',
};

/** Reads the line of `supervisorctl status PROGRAM`, and the host's clock ("now=…") below it. */
export function readSupervisorStatus(text: string): { state: UnitReading; ended: boolean } | undefined {
  const [, word = '', description = ''] = /^\S+\s+([A-Z]+)\b[ \t]*(.*)$/m.exec(text) ?? [];
  const condition = conditions[word];
  if (condition === undefined) return undefined;
  const said = description === '' ? word : `${word} ${description}`;
  const state: UnitReading = { condition, said };
  const [, processId, days, hours, minutes, seconds] = /^pid (\d+), uptime (?:(\d+) days?, )?(\d+):(\d\d):(\d\d)/.exec(description) ?? [];
  const [, now] = /^now=(\d+)$/m.exec(text) ?? [];
  if (processId) state.processId = Number(processId);
  if (processId && now) {
    const uptimeSeconds = Number(days ?? 0) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
    state.sinceAt = instant(Number(now) - uptimeSeconds);
    state.lastStartAt = state.sinceAt;
  }
  return { state, ended: word === 'EXITED' };
}

export type ProgramEnd = Partial<UnitReading>;

/** Reads what programEnd.py printed. */
export function readProgramEnd(text: string): ProgramEnd {
  const { start, stop, exitStatus, expected } = JSON.parse(text) as { start: number; stop: number; exitStatus: number; expected: boolean };
  return {
    condition: expected ? 'stopped' : 'failed',
    said: `EXITED (exit status ${exitStatus}, ${expected ? 'expected' : 'not expected'})`,
    exitStatus,
    ...(stop > 0 ? { sinceAt: instant(stop) } : {}),
    ...(start > 0 ? { lastStartAt: instant(start) } : {}),
  };
}

function instant(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString();
}
