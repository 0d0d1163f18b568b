import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';

import { ensureDebianPackages } from '../setup/debianPackages.ts';
import { Started } from './started.ts';

/** Folder of the demonstrations: databases, logs, labs. */
export const home = join(import.meta.dirname, '..', '..', '.nightshift');
export const say = (line: string): void => console.log(line);

export interface Demonstration {
  /** What fails, in messages. */
  name: string;
  /** End after the proof. */
  once: boolean;
  /** Answers whether what it shows is proven. */
  show: (started: Started, stop: AbortSignal) => Promise<boolean>;
}

/** Shows, stays up until a signal comes, and ends everything that was started. Exit code 0: proven; 1: not; 130: stopped before the proof. */
export async function demonstrate({ name, once, show }: Demonstration): Promise<void> {
  const started = new Started(say);
  const stopping = new AbortController();
  const stopped = new Promise<null>((resolve) => stopping.signal.addEventListener('abort', () => resolve(null), { once: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      say(`\n${signal}: ending what was started …`);
      stopping.abort();
    });
  try {
    mkdirSync(home, { recursive: true });
    await ensureDebianPackages(say);
    const proven = await Promise.race([show(started, stopping.signal), stopped]);
    if (proven === null) process.exitCode = 130;
    else {
      if (!proven) process.exitCode = 1;
      if (!once) await stopped;
    }
  } catch (error) {
    say(error instanceof Error ? `${name}: ${error.message}` : String(error));
    process.exitCode = 1;
  } finally {
    await started.end();
  }
}

/** Null, with a line that says why, when the run failed. */
export async function resultOf<Result>(handle: WorkflowHandle): Promise<Result | null> {
  try {
    return (await handle.result()) as Result;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    say(`\n${handle.workflowId} FAILED: ${error.cause?.message ?? error.message}`);
    return null;
  }
}
