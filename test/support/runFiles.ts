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
 * one file after the other: whole files in one list, the failures again at its end, one summary over all.
 * @returns whether every file ran to its end and no test failed or was cancelled.
 */
export async function runFiles({ files, alone, atOnceMax, cwd, timeoutMs, output, signal }: FileRun): Promise<boolean> {
  const beganMs = performance.now();
  const reporter = new spec();
  reporter.pipe(output, { end: false });
  const turns = inTurn((event) => reporter.write(event));
  const sums = new Map<string, number>();
  let good = 0;

  const runOne = async (file: string): Promise<void> => {
    const turn = turns.open();
    const events: AsyncIterable<TestEvent> = run({ files: [file], cwd, timeout: timeoutMs, signal });
    for await (const event of events) {
      if (!isOfWholeRun(event)) turn.say(event);
      else if (event.type === 'test:summary') good += event.data.success ? 1 : 0;
      else addUp(sums, event.data.message);
    }
    turn.end();
  };
  const runAll = async (chosen: string[], lanes: number): Promise<void> => {
    const lane = async (): Promise<void> => {
      for (let file = chosen.shift(); file && !signal.aborted; file = chosen.shift()) await runOne(file);
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
  const isAlone = (file: string): boolean => alone.includes(file);
  await runAll(
    files.filter((file) => !isAlone(file)),
    atOnceMax,
  );
  await runAll(files.filter(isAlone), 1);

  sums.set('duration_ms', performance.now() - beganMs);
  for (const [name, sum] of sums) reporter.write(ofWholeRun(`${name} ${sum}`));
  reporter.end();
  await finished(reporter);
  return good === files.length;
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

/** Those who speak at once, put in turn: the first is heard as it speaks, each other from its beginning when those before it have ended. */
function inTurn<Word>(hear: (word: Word) => void): { open: () => { say: (word: Word) => void; end: () => void } } {
  const waiting: { kept: Word[]; ended: boolean }[] = [];
  const pass = (): void => {
    for (let first = waiting[0]; first; first = waiting[0]) {
      for (const word of first.kept.splice(0)) hear(word);
      if (!first.ended) return;
      waiting.shift();
    }
  };
  return {
    open() {
      const mine = { kept: [] as Word[], ended: false };
      waiting.push(mine);
      return {
        say(word) {
          mine.kept.push(word);
          if (waiting[0] === mine) pass();
        },
        end() {
          mine.ended = true;
          pass();
        },
      };
    },
  };
}
