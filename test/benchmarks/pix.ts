// `npm run bench:pix`: the Pix chain beside the seed's method, pgcopydb, raw psql pipes, awk and goaccess. See `--help`.
import { Command } from 'commander';

import { measureFull } from './pix/fullBench.ts';
import { measureIncremental } from './pix/incrementalBench.ts';
import { measureLearningContent } from './pix/learningContentBench.ts';
import { measureMemory } from './pix/memoryBench.ts';
import { benchReplicationTimes } from './replicationTimes.ts';
import { positive, runBenchmark, type BenchOptions, type Parts } from './runBenchmark.ts';

interface Options extends BenchOptions {
  rows: number;
  newRows: number;
  items: number;
  millionLines: number;
}

const parts: Parts<Options> = {
  full: (bench, { rows }) => measureFull(bench, { rows }),
  incremental: (bench, { newRows }) => measureIncremental(bench, { rows: newRows, existing: newRows / 2 }),
  learningContent: (bench, { items }) => measureLearningContent(bench, { size: Math.max(1, Math.round(items / 1_683)) }),
  memory: (bench, { rows }) => measureMemory(bench, { rows }),
  log: (bench, { millionLines }) => benchReplicationTimes(bench, millionLines),
};

await new Command('npm run bench:pix --')
  .description(
    'Measures the Pix chain in alternating runs and prints medians, ranges and ratios. A missed target is reported, not an error.',
  )
  .argument('[parts...]', `what to measure: ${Object.keys(parts).join(', ')}; default: all`)
  .option('--rounds <number>', 'how often each side runs', positive, 3)
  .option('--rows <number>', 'rows of the production database of the full replication', positive, 3_000_000)
  .option('--new-rows <number>', 'rows that the incremental copy finds new', positive, 1_000_000)
  .option('--items <number>', 'items of learning content, about', positive, 17_000)
  .option('--million-lines <number>', 'length of the log', positive, 4)
  .option('--json', 'the figures as JSON on the standard output, progress on the error output')
  .action((wanted: string[], options: Options) => runBenchmark(parts, wanted, options))
  .parseAsync();
process.exit();
