import assert from 'node:assert/strict';

import type { RunProgress } from '../../workflows/runbook/runbook.contract.ts';
import { openLabBench, type LabBench } from './labBench.ts';

/** A lab on hosts with systemd, and what runs there. */
export async function openSystemdBench(): Promise<{ bench: LabBench; initial: string[] }> {
  const bench = await openLabBench({ machines: 'systemd', megabytesPerShard: 25 });
  try {
    const initial = await bench.running();
    assert.ok(initial.length > 15, `only ${initial.length} services run`);
    return { bench, initial };
  } catch (error) {
    await bench.end();
    throw error;
  }
}

/** Copies slow enough to be met in their middle. */
export const slowCopies = { backup: { compressionLevel: 19 } };

export function isCopying({ steps }: RunProgress): boolean {
  return steps.some(({ id, state, bytes }) => id.startsWith('copy/data/shard') && state === 'running' && (bytes?.done ?? 0) > 0);
}

/** Judged by the services themselves and by vitamStatus, never by a report of the run. */
export async function platformRunsAsBefore(bench: LabBench, initial: string[]): Promise<void> {
  assert.deepEqual(await bench.running(), initial);
  const status = await bench.status();
  assert.equal(status.verdict, 'up', JSON.stringify(status.down));
  assert.deepEqual(
    status.balancers.map(({ mode }) => mode),
    ['full'],
  );
  assert.equal(status.lostRun, null);
}
