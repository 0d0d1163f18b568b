import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { itemCategories, timesByCategory, type ItemCategory, type ItemTry } from './itemTimes.ts';

/** What the old tool logs in a run, in its order. */
const milestones = [
  'Start import and enrichment',
  'Start create Backup',
  'Start restore',
  'Restore done',
  'enrichment.add - Ended',
  'Import and enrichment done',
] as const;
type Milestone = (typeof milestones)[number];

/**
 * A milestone, or the launch or end of an item with its number, and with its category and name where the line has them. In ASCII alone: pg_restore
 * speaks the language of its host, and the accents of a French log may be broken.
 */
const events = new RegExp(
  `(?<milestone>${milestones.join('|').replace('.', '\\.')})|` +
    `(?:(?<launching>launching item |lancement de l'\\S+ )|finished item |ment termin\\S* )(?<id>\\d{1,10})\\b` +
    `(?=(?: +(?<category>${itemCategories.join('|')})(?: +(?<name>.*))?$)?)`,
  'gm',
);
/** A line without any of them is passed over. */
const markers = [...milestones, 'launching item ', 'finished item ', "lancement de l'", 'ment termin'];
/** Begins a line, for example `2020-10-22 05:10:00.123 +0200`; in brackets when bunyan printed it. No offset: UTC. */
const stamp = /^\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d+))? ?(Z|[+-][01]\d:?[0-5]\d)?/;
const chunkBytes = 1024 * 1024;
/** Where the last time of a log is looked for. */
const tailBytes = 64 * 1024;

interface Run {
  date: string;
  at: Partial<Record<Milestone, number>>;
  launched: Map<string, ItemTry>;
  finished: ItemTry[];
  /** Of the last line before the next run. */
  lastMs: number | null;
}

export type RunTimes = ReturnType<typeof timesOf>;
export type ReplicationTimes = Awaited<ReturnType<typeof readReplicationTimes>>;

/** Every run of a log of the old tool. @param source a file's path, or a stream of chunks such as standard input. */
export async function readReplicationTimes(source: string | AsyncIterable<Buffer>) {
  const runs: Run[] = [];
  let withoutTime = 0;
  let lastMs: number | null = null;
  let tail = Buffer.alloc(0);

  // The line before each as well: it stands for the end of a run that has none of its own.
  const grep = spawn('grep', ['-aF', '-B1', ...markers.flatMap((marker) => ['-e', marker])], {
    env: { ...process.env, LC_ALL: 'C' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const chunks = typeof source === 'string' ? createReadStream(source, { highWaterMark: chunkBytes }) : source;
  const keepTail = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      tail = Buffer.concat([tail, chunk.subarray(-tailBytes)]).subarray(-tailBytes);
      done(null, chunk);
    },
  });
  const lines = createInterface({ input: grep.stdout }).on('line', (line) => {
    const { message, date, atMs } = readLine(line);
    for (const { groups = {} } of message.matchAll(events)) {
      if (groups.milestone) endRun(runs, lastMs);
      if (atMs === null) withoutTime += 1;
      else take(runs, date, atMs, groups);
    }
    lastMs = atMs ?? lastMs;
  });
  const [[exitCode]] = await Promise.all([
    once(grep, 'close') as Promise<[number | null]>,
    once(lines, 'close'),
    pipeline(chunks, keepTail, grep.stdin),
  ]);
  // 1: no line has a marker.
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`grep ended with ${exitCode}`);
  for (const line of tail.toString().split('\n')) lastMs = readLine(line).atMs ?? lastMs;
  endRun(runs, lastMs);
  return {
    runs: runs.map(timesOf),
    /** Markers and items on lines without a date and time: not counted. */
    withoutTime,
  };
}

function endRun(runs: readonly Run[], lastMs: number | null): void {
  const run = runs.at(-1);
  if (run) run.lastMs = lastMs;
}

/** Text and time of a line, or of the JSON record in it; the date as it is written. */
function readLine(line: string): { message: string; date: string; atMs: number | null } {
  const { msg, time } = recordIn(line);
  const found = stamp.exec(line) ?? stamp.exec(typeof time === 'number' ? new Date(time).toJSON() : String(time));
  const [, date = '', clock, fraction = '0', offset = 'Z'] = found ?? [];
  const atMs = found ? Date.parse(`${date}T${clock}.${fraction}${offset}`) : Number.NaN;
  return { message: typeof msg === 'string' ? msg : line, date, atMs: Number.isNaN(atMs) ? null : atMs };
}

function recordIn(line: string): { msg?: unknown; time?: unknown } {
  const from = line.indexOf('{');
  if (from === -1) return {};
  try {
    return JSON.parse(line.slice(from)) as object;
  } catch {
    return {};
  }
}

function take(runs: Run[], date: string, atMs: number, event: Record<string, string>): void {
  const { milestone, launching, id = '', category, name = '' } = event;
  let run = runs.at(-1);
  if (!run || !belongs(run, milestone as Milestone | undefined))
    runs.push((run = { date, at: {}, launched: new Map(), finished: [], lastMs: null }));
  const { at, launched, finished } = run;
  const item = launched.get(id);
  if (milestone) at[milestone as Milestone] = atMs;
  else if (launching && category)
    launched.set(id, { id, category: category as ItemCategory, name: name.trim(), span: [atMs, atMs], finished: false });
  else if (!launching && item) {
    launched.delete(id);
    finished.push({ ...item, span: [item.span[0], atMs], finished: true });
  }
}

/** A run meets every milestone once and in their order; one that is met again, or before an earlier one, belongs to another run. */
function belongs({ at, launched, finished }: Run, milestone?: Milestone): boolean {
  if (!milestone) return at['Import and enrichment done'] === undefined;
  const place = milestones.indexOf(milestone);
  if (milestones.slice(place).some((later) => at[later] !== undefined)) return false;
  // Items are restored: what comes before the restore is a new run.
  return place > milestones.indexOf('Start restore') || launched.size + finished.length === 0;
}

/** One run of the old tool. What the log does not tell is null. Instants are ISO 8601 UTC. */
function timesOf({ date, at, launched, finished, lastMs }: Run) {
  const { 'Start create Backup': backupStart, 'Start restore': restoreStart, 'Restore done': restoreDone } = at;
  const missing = (['Start create Backup', 'Start restore', 'Restore done'] as const).filter((each) => at[each] === undefined);
  const marked = at['Import and enrichment done'] ?? at['enrichment.add - Ended'];
  const endMs = marked ?? lastMs ?? undefined;
  const instant = (atMs?: number): string | null => (atMs === undefined ? null : new Date(atMs).toISOString());
  const between = (fromMs?: number, toMs?: number): number | null =>
    fromMs === undefined || toMs === undefined || toMs < fromMs ? null : toMs - fromMs;
  const unfinished = [...launched.values()].map((item): ItemTry => ({ ...item, span: [item.span[0], endMs ?? item.span[1]] }));
  return {
    /** YYYY-MM-DD as the log writes it: of the first marker. */
    date,
    complete: missing.length === 0,
    /** Markers that are not in the log. */
    missing,
    backupStartAt: instant(backupStart),
    restoreStartAt: instant(restoreStart),
    restoreDoneAt: instant(restoreDone),
    endAt: instant(endMs),
    /** "lastLine": the log has no end of the run, and the last line before the next run stands for it. */
    endSeen: marked === undefined ? ('lastLine' as const) : ('marker' as const),
    backupMs: between(backupStart, restoreStart),
    replicationMs: between(restoreStart, restoreDone),
    enrichmentMs: between(restoreDone, endMs),
    totalMs: missing.length === 0 ? between(backupStart, endMs) : null,
    categories: timesByCategory([...finished, ...unfinished]),
  };
}
