// `npm run bench:cold-backup`: how fast the main job is, against the old procedure and against Ansible. See `--help`.
import { Command } from 'commander';

import { measureCopy } from './copy/copyBench.ts';
import { positive, runBenchmark, type BenchOptions, type Parts } from './runBenchmark.ts';
import { measureSteps } from './steps/stepsBench.ts';

interface Options extends BenchOptions {
  megabytesPerShard: number;
  compressionLevel?: number;
}

const parts: Parts<Options> = { copy: measureCopy, steps: measureSteps };

await new Command('npm run bench:cold-backup --')
  .description(
    'Measures the cold backup of VITAM in alternating runs and prints medians, ranges and ratios. A missed target is reported, not an error.',
  )
  .argument('[parts...]', `what to measure: ${Object.keys(parts).join(', ')}; default: all`)
  .option('--rounds <number>', 'how often each side runs', positive, 3)
  .option('--megabytes-per-shard <number>', 'documents on each of the two shards', positive, 1500)
  .option('--compression-level <number>', 'zstd level of ours, 1 to 19; default: that of the lab', positive)
  .option('--json', 'the figures as JSON on the standard output, progress on the error output')
  .action((wanted: string[], options: Options) => runBenchmark(parts, wanted, options))
  .parseAsync();
process.exit();
