import { readFile, writeFile } from 'node:fs/promises';

import type { Bench, Section } from '../bench.contract.ts';
import { ratios } from '../statistics.ts';
import { openChain } from './pixChainBench.ts';

const sizes = [8, 1];

/** The most memory that a fresh worker ever had through a full replication, on an eighth of the rows and on all of them: it must not grow with them. */
export async function measureMemory(bench: Bench, { rows }: { rows: number }): Promise<Section> {
  const peaks = new Map(sizes.map((part) => [part, [] as number[]]));
  for (let round = 1; round <= bench.rounds; round += 1)
    for (const part of sizes) {
      bench.signal.throwIfAborted();
      const { lab, worker, run } = await openChain(bench, `memory-${round}-${part}`, { rows: Math.round(rows / part) });
      await lab.describeReplica('pix', { foreignKeys: true, full: { atOnceMax: 2 } });
      // From here on: the bundling of the workflows at the start needs more than any run.
      await writeFile(`/proc/${worker.pid}/clear_refs`, '5');
      await run('pixFullReplication');
      const peak = await peakMegabytes(worker.pid ?? 0);
      bench.say(`round ${round}: ${Math.round(rows / part)} rows, at most ${peak.toFixed(0)} MB`);
      peaks.get(part)?.push(peak);
      await lab.end();
    }
  const [small = [], large = []] = sizes.map((part) => peaks.get(part) ?? []);
  return {
    title: `Memory of the worker in a full replication, ${Math.round(rows / 8)} and ${rows} rows`,
    figures: [
      { what: `peak, ${Math.round(rows / 8)} rows`, unit: 'MB', values: small },
      { what: `peak, ${rows} rows`, unit: 'MB', values: large },
      { what: 'eight times the rows', unit: 'x', values: ratios(large, small), target: { atMost: 1.15 } },
    ],
    notes: [
      'highest resident memory of the worker process during the run, each time a new process: SDK core, workflow cache and JavaScript heap included',
    ],
  };
}

async function peakMegabytes(processId: number): Promise<number> {
  const status = await readFile(`/proc/${processId}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? Number.NaN) / 1000;
}
