import type { ServiceCondition } from './services.contract.ts';
import type { Told, UnitReading } from './unitManager.ts';

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
  const state = plainReading(word, description);
  if (!state) return undefined;
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

interface ProgramInfo {
  state: string;
  description: string;
  /** 0 when it does not run. */
  processId: number;
  /** Seconds since 1970 of the last start and end; 0: never. */
  start: number;
  stop: number;
  exitStatus: number;
  /** Whether the exit status is one of the program's `exitcodes`. */
  expected: boolean;
  ordered: boolean;
  lived: number;
}

/** Reads what programInfo.py printed. */
export function readProgramInfo(text: string): Told | undefined {
  const info = JSON.parse(text) as ProgramInfo;
  const { state, description, processId, start, stop, exitStatus, expected, ordered, lived } = info;
  const reading = plainReading(state, description);
  if (!reading) return undefined;
  if (state === 'EXITED') {
    reading.condition = expected ? 'stopped' : 'failed';
    reading.said = `EXITED (exit status ${exitStatus}, ${expected ? 'expected' : 'not expected'})`;
    reading.exitStatus = exitStatus;
    if (stop > 0) reading.sinceAt = instant(stop);
    if (start > 0) reading.lastStartAt = instant(start);
  }
  if (state === 'RUNNING') {
    reading.processId = processId;
    reading.sinceAt = instant(start);
    reading.lastStartAt = reading.sinceAt;
  }
  return { reading, ordered, livedSeconds: lived };
}

function plainReading(word: string, description: string): UnitReading | undefined {
  const condition = conditions[word];
  return condition && { condition, said: description === '' ? word : `${word} ${description}` };
}

function instant(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toISOString();
}
