import { finished } from 'node:stream/promises';
import { run } from 'node:test';
import { spec, type TestEvent } from 'node:test/reporters';

export interface FileRun {
  files: readonly string[];
  /** Those of them that no other file may run beside. */
  alone: readonly string[];
  atOnceMax: number;
  /** Folder that the files are relative to. */
  cwd: string;
  /** Of one test. */
  timeoutMs: number;
  output: NodeJS.WritableStream;
  /** Ends what runs; nothing else begins. */
  signal: AbortSignal;
}

/**
 * Runs test files, each in a process of its own: first `atOnceMax` at a time, then one by one those that want to be alone. Printed as `node --test` prints
 * them: whole files in one list, the failures again at its end, one summary over all.
 * @returns whether every file ran to its end and no test failed or was cancelled.
 */
export async function runFiles({ files, alone, atOnceMax, cwd, timeoutMs, output, signal }: FileRun): Promise<boolean> {
  const beganMs = performance.now();
  const reporter = new spec();
  reporter.pipe(output, { end: false });
  const sums = new Map<string, number>();
  let isGood = true;

  const runSome = async (chosen: string[], concurrency: number): Promise<void> => {
    if (chosen.length === 0) return;
    if (signal.aborted) return void (isGood = false);
    let isSummed = false;
    const events: AsyncIterable<TestEvent> = run({ files: chosen, concurrency, cwd, timeout: timeoutMs, signal });
    for await (const event of events) {
      if (!isOfWholeRun(event)) reporter.write(event);
      else if (event.type === 'test:diagnostic') addUp(sums, event.data.message);
      else {
        isSummed = true;
        isGood &&= event.data.success;
      }
    }
    isGood &&= isSummed;
  };
  const isAlone = (file: string): boolean => alone.includes(file);
  await runSome(
    files.filter((file) => !isAlone(file)),
    atOnceMax,
  );
  await runSome(files.filter(isAlone), 1);

  sums.set('duration_ms', performance.now() - beganMs);
  for (const [name, sum] of sums) reporter.write(ofWholeRun(`${name} ${sum}`));
  reporter.end();
  await finished(reporter);
  return isGood;
}

type OfWholeRun = Extract<TestEvent, { type: 'test:summary' | 'test:diagnostic' }>;

/** What node says at the end of a run, not of a file or a test in it. */
function isOfWholeRun(event: TestEvent): event is OfWholeRun {
  return (event.type === 'test:summary' || event.type === 'test:diagnostic') && event.data.file === undefined;
}

function ofWholeRun(message: string): TestEvent {
  return { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info', file: undefined } };
}

/** @param message as "tests 12". */
function addUp(sums: Map<string, number>, message: string): void {
  const [, name, number] = /^(\w+) ([\d.]+)$/.exec(message) ?? [];
  if (name) sums.set(name, (sums.get(name) ?? 0) + Number(number));
}
