import type { Bench, Figure, Section } from '../bench.contract.ts';
import { busyShare } from '../busyShare.ts';
import { ratios, summarise } from '../statistics.ts';
import { openCopyLab, type CopyOptions } from './copyLab.ts';
import type { CopyRun } from './copyRun.contract.ts';
import { createOldProcedure } from './oldProcedure.ts';
import { checkPlatformUp, runOurs } from './ourProcedure.ts';

const windowTarget = 3;
const copyTarget = 5;

/** The window and the copy of ours against the old procedure, on the same hosts and data in turn. */
export async function measureCopy(bench: Bench, options: CopyOptions): Promise<Section> {
  const { megabytesPerShard } = options;
  const lab = await openCopyLab(bench, options);
  const runOld = createOldProcedure(bench, lab);
  const ours: CopyRun[] = [];
  const old: CopyRun[] = [];
  const busy: number[] = [];
  // Round 0 is the warm-up of both sides.
  for (let round = 0; round <= bench.rounds && !bench.signal.aborted; round += 1) {
    const what = round === 0 ? 'warm-up' : `round ${round} of ${bench.rounds}`;
    await checkPlatformUp(lab, `${round}-old`);
    busy.push(await busyShare());
    const before = await runOld();
    tellRun(bench, `${what}, old procedure`, before);
    await checkPlatformUp(lab, `${round}-ours`);
    const after = await runOurs(lab, String(round));
    tellRun(bench, `${what}, ours`, after);
    if (round === 0) continue;
    old.push(before);
    ours.push(after);
  }
  const sides = { old: timesOf(old), ours: timesOf(ours) };
  return {
    title: `Cold backup: ours against stop, tar + gzip one after the other, start (${megabytesPerShard} MB of documents on each of 2 shards)`,
    figures: [
      { what: 'window, old', unit: 's', values: sides.old.window },
      { what: 'window, ours', unit: 's', values: sides.ours.window },
      { what: 'window, old / ours', unit: 'x', values: ratios(sides.old.window, sides.ours.window), target: { atLeast: windowTarget } },
      { what: 'copy, old', unit: 's', values: sides.old.copying },
      { what: 'copy, ours', unit: 's', values: sides.ours.copying },
      { what: 'copy, old / ours', unit: 'x', values: ratios(sides.old.copying, sides.ours.copying), target: { atLeast: copyTarget } },
      { what: 'copy rate, old', unit: 'MB/s', values: old.map(rateOf) },
      { what: 'copy rate, ours', unit: 'MB/s', values: ours.map(rateOf) },
      { what: 'read, old', unit: 'MB', values: old.map(megabytesOf('sourceBytes')) },
      { what: 'read, ours', unit: 'MB', values: ours.map(megabytesOf('sourceBytes')) },
      { what: 'written, old', unit: 'MB', values: old.map(megabytesOf('writtenBytes')) },
      { what: 'written, ours', unit: 'MB', values: ours.map(megabytesOf('writtenBytes')) },
      { what: 'stops and starts (window without copy), old', unit: 's', values: sides.old.around },
      { what: 'stops and starts (window without copy), ours', unit: 's', values: sides.ours.around },
      ...phaseFigures('old', old),
      ...phaseFigures('ours', ours),
      ...partFigures('old', old),
      ...partFigures('ours', ours),
      {
        what: 'ours: copy phase of the replica sets / slowest of them',
        unit: 'x',
        values: ours.map((run) => run.copyingSets / slowest(run)),
      },
      { what: 'ours: copy phase of the replica sets / sum of them', unit: 'x', values: ours.map((run) => run.copyingSets / sumOf(run)) },
    ],
    notes: [
      `${bench.rounds} rounds in turn (old, ours) after a warm-up of each; caches as the warm-up left them; both on the small lab over SSH.`,
      'Both sides: the same services in the same order, the checksum of each archive from the same pass, sync of the archive. Neither reads an archive back.',
      'Ours alone, inside its window: balancer off and on again, primaries looked up and proven stopped cleanly, drain over all tenants, counts of every collection, a last look at every service and set. The old script waits for ports only.',
      `Archives: gzip at its default level in the old script, zstd at level ${lab.platform.backup.compressionLevel} in ours.`,
      'Neither side waits for the securisation. The old script has one kept SSH connection for each host and no fixed sleeps.',
      `Processors busy by others before the rounds: ${busy.map((share) => `${(share * 100).toFixed(0)} %`).join(', ')}.`,
      ...breakEven(sides),
    ],
  };
}

interface Times {
  window: number[];
  copying: number[];
  around: number[];
  rate: number[];
}

function timesOf(runs: CopyRun[]): Times {
  return {
    window: runs.map(({ window }) => window),
    copying: runs.map(({ copying }) => copying),
    around: runs.map(({ window, copying }) => window - copying),
    rate: runs.map(rateOf),
  };
}

/** Stops and starts cost the same whatever the size: from which size on the copy outweighs them, computed from the medians. */
function breakEven({ old, ours }: { old: Times; ours: Times }): string[] {
  const [oldAround, ourAround] = [summarise(old.around).median, summarise(ours.around).median];
  const perMegabyte = 1 / summarise(old.rate).median - windowTarget / summarise(ours.rate).median;
  if (perMegabyte <= 0) return [`At these rates no data size makes the window ${windowTarget} times shorter.`];
  const megabytes = Math.max(0, (windowTarget * ourAround - oldAround) / perMegabyte);
  return [
    `Computed from these medians, not measured: the window is ${windowTarget} times shorter from ${(megabytes / 1000).toFixed(1)} GB of files in all, ` +
      'as stops and starts take the same time at any size.',
  ];
}

function tellRun({ say }: Bench, what: string, { window, copying, parts }: CopyRun): void {
  const each = parts.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)}`).join(', ');
  say(`${what}: window ${window.toFixed(1)} s, copy ${copying.toFixed(1)} s (${each})`);
}

function phaseFigures(side: string, runs: CopyRun[]): Figure[] {
  return (runs[0]?.phases ?? []).map(({ name }) => ({
    what: `  ${side}, phase ${name}`,
    unit: 's',
    values: runs.map(({ phases }) => phases.find((each) => each.name === name)?.seconds ?? 0),
  }));
}

function partFigures(side: string, runs: CopyRun[]): Figure[] {
  return (runs[0]?.parts ?? []).map(({ name }, index) => ({
    what: `  ${side}, part ${name}`,
    unit: 's',
    values: runs.map(({ parts }) => parts[index]?.seconds ?? Number.NaN),
  }));
}

const megabytesOf =
  (which: 'sourceBytes' | 'writtenBytes') =>
  ({ parts }: CopyRun): number =>
    parts.reduce((sum, part) => sum + part[which], 0) / 1e6;
const rateOf = (run: CopyRun): number => megabytesOf('sourceBytes')(run) / run.copying;

const setSeconds = ({ parts, sets }: CopyRun): number[] => parts.slice(0, sets).map(({ seconds }) => seconds);
const slowest = (run: CopyRun): number => Math.max(...setSeconds(run));
const sumOf = (run: CopyRun): number => setSeconds(run).reduce((sum, seconds) => sum + seconds, 0);
