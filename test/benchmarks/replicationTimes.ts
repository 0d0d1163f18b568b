import { spawnSync } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import type { Bench, Section } from './bench.contract.ts';
import { tellSection } from './report.ts';

/** The log parser beside programs of Debian that go through the same file; sides alternate within each round. */
export async function benchReplicationTimes({ rounds, directory, say, signal }: Bench, millions = 4): Promise<Section[]> {
  const sections: Section[] = [];
  for (const { title, itemEvery, target } of [
    { title: 'a night of the old tool: one line of 200 tells of an item', itemEvery: 200, target: { atLeast: 2 } },
    { title: 'the worst case: every line tells of an item', itemEvery: 1 },
  ]) {
    const file = join(directory, `every${itemEvery}.log`);
    const lines = millions * 1_000_000;
    await writeLog(file, lines, itemEvery);
    say(`${title}: ${lines} lines, ${Math.round(statSync(file).size / 1e6)} MB`);
    const sides = competitors(file, target);
    // Once untimed: the file is in the cache of the system for all alike.
    await readFileOnce(file);
    const seen = new Map(sides.map(({ name }) => [name, { linesPerSecond: [] as number[], megabytes: [] as number[] }]));
    for (let round = 0; round < rounds; round += 1)
      for (const { name, command } of sides) {
        const { seconds, peakMegabytes } = measure(command, signal);
        seen.get(name)?.linesPerSecond.push(lines / seconds / 1e6);
        seen.get(name)?.megabytes.push(peakMegabytes);
      }
    sections.push({
      title: `log parser, ${title}`,
      figures: sides.flatMap(({ name, target }) => {
        const { linesPerSecond, megabytes } = seen.get(name) ?? { linesPerSecond: [], megabytes: [] };
        return [
          { what: `${name}, whole process`, unit: 'M lines/s', values: linesPerSecond, ...(target ? { target } : {}) },
          { what: `${name}, peak memory`, unit: 'MB', values: megabytes },
        ];
      }),
      notes: [
        `${lines} lines, ${Math.round(statSync(file).size / 1e6)} MB; a new process each time, its start included`,
        'awk: adds up the items as ours does, without runs and the three longest; goaccess: a web log analyser, told the format of these lines',
        ...(sides.some(({ name }) => name === 'goaccess') ? [] : ['goaccess is not installed: apt-get install goaccess']),
      ],
    });
    await rm(file);
  }
  return sections;
}

interface Side {
  name: string;
  command: readonly [string, ...string[]];
  target?: { atLeast: number };
}

const awkProgram = `
/Start create Backup|Start restore|Restore done/ { markers++ }
/launching item / { split($2, t, ":"); at[$6] = t[1] * 3600 + t[2] * 60 + t[3]; next }
/finished item / { split($2, t, ":"); total[$7] += t[1] * 3600 + t[2] * 60 + t[3] - at[$6]; delete at[$6] }
END { for (kind in total) print kind, total[kind]; print markers }`;

function competitors(file: string, target: Side['target']): Side[] {
  const reader = join(import.meta.dirname, 'replicationTimesReader.ts');
  const node = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;
  const has = (program: string): boolean => spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
  return [
    { name: 'ours', command: [...node, reader, file], ...(target ? { target } : {}) },
    { name: 'awk', command: ['awk', awkProgram, file] },
    ...(has('goaccess')
      ? [
          {
            name: 'goaccess',
            command: [
              'goaccess',
              file,
              '--log-format=%d %t.%^ [%h] %U',
              '--no-ip-validation',
              '--date-format=%Y-%m-%d',
              '--time-format=%H:%M:%S',
              '--no-global-config',
              '--no-progress',
              '-o',
              `${file}.json`,
            ] as [string, ...string[]],
          },
        ]
      : []),
  ];
}

/** Wall clock, and the peak of the process's own memory as GNU time or the program itself counts it. */
function measure(command: readonly [string, ...string[]], signal: AbortSignal): { seconds: number; peakMegabytes: number } {
  signal.throwIfAborted();
  const [program, ...args] = command;
  const beganMs = performance.now();
  const { status, stderr } = spawnSync('python3', ['-c', rusage, program, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  const seconds = (performance.now() - beganMs) / 1000;
  const [peak, childSeconds, code] = (stderr.toString().trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  if (status !== 0 || code !== 0) throw new Error(`${program} failed: ${stderr.toString().slice(-500)}`);
  return { seconds: childSeconds ?? seconds, peakMegabytes: (peak ?? Number.NaN) / 1024 };
}

/** Tells the peak of the child alone, which Node cannot ask for: kB, seconds, exit code. */
const rusage = `
import os, sys, time
began = time.monotonic()
pid = os.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
_, status, used = os.wait4(pid, 0)
print(used.ru_maxrss, time.monotonic() - began, os.waitstatus_to_exitcode(status), file=sys.stderr)`;

const kinds = [
  'TABLE DATA answers',
  'INDEX answers_assessmentid_index',
  'CONSTRAINT users users_pkey',
  'FK CONSTRAINT answers answers_userid_foreign',
  'SEQUENCE users_id_seq',
];

async function readFileOnce(file: string): Promise<void> {
  await pipeline(createReadStream(file), new Writable({ write: (_chunk, _encoding, done) => done() }));
}

/** Lines as the platform prefixes them; four workers restore at a time. */
async function writeLog(file: string, lines: number, itemEvery: number): Promise<void> {
  const handle = await open(file, 'w');
  const beganMs = Date.UTC(2020, 9, 22, 3, 10);
  const line = (place: number, text: string): string => {
    const at = new Date(beganMs + place * 5).toISOString();
    return `${at.slice(0, 10)} ${at.slice(11, 23)} [background-1] ${text}\n`;
  };
  try {
    let chunk = line(0, 'Start create Backup') + line(1, 'Start restore');
    for (let place = 2, item = 0; place < lines - 2; place += 1) {
      if (place % itemEvery !== 0 && itemEvery !== 1)
        chunk += line(place, `pg_restore: processing row group ${place} of table public.answers, 4096 rows`);
      else {
        const half = item >> 3;
        const id = half * 4 + (item & 3);
        const what = kinds[id % kinds.length] ?? '';
        chunk += line(place, `${(item & 4) === 0 ? 'pg_restore: launching item' : 'pg_restore: finished item'} ${id} ${what}`);
        item += 1;
      }
      if (chunk.length > 1_000_000) {
        await handle.write(chunk);
        chunk = '';
      }
    }
    await handle.write(chunk + line(lines - 2, 'Restore done') + line(lines - 1, 'Import and enrichment done'));
  } finally {
    await handle.close();
  }
}

if (import.meta.main) {
  const directory = await mkdtemp(join(tmpdir(), 'ns-log-'));
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  try {
    const [millions = 4, rounds = 5] = process.argv.slice(2).map(Number);
    const bench = { rounds, directory, say: console.log, signal: interrupted.signal, atEnd: () => undefined };
    for (const section of await benchReplicationTimes(bench, millions)) tellSection(section, console.log);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
