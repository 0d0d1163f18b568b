import { cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/** Share of the processors, 0 to 1, that others use during a second in which we do nothing. */
export async function busyShare(): Promise<number> {
  const before = readTimes();
  await pause(1000);
  const after = readTimes();
  const all = after.all - before.all;
  return all > 0 ? 1 - (after.idle - before.idle) / all : 0;
}

function readTimes(): { idle: number; all: number } {
  const times = cpus().map((each) => each.times);
  return {
    idle: times.reduce((sum, { idle }) => sum + idle, 0),
    all: times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0),
  };
}
