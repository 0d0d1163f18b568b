import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Client, Connection } from '@temporalio/client';
import { parse, stringify } from 'yaml';

import { createLab } from '../../../deploy/lab/vitam/createLab.ts';
import { endProcess, startDevServer } from '../../../deploy/lab/temporal/devServer.ts';
import type { LabMachine } from '../../../deploy/lab/machines/machines.contract.ts';
import { startWorker } from '../../../deploy/lab/temporal/workerProcess.ts';
import type { VitamPlatform } from '../../../workflows/vitam/platform.contract.ts';
import { vitam } from '../../../workflows/vitam/system.schema.ts';
import { readDefinition } from '../../support/definitions.ts';
import type { Bench } from '../bench.contract.ts';

export const platformName = 'bench';

export interface CopyOptions {
  megabytesPerShard: number;
  /** zstd level of ours; absent: that of the lab's platform file. */
  compressionLevel?: number;
}

export interface CopyLab {
  machines: LabMachine[];
  platform: VitamPlatform;
  client: Client;
}

/** The small lab with data, a dev server on a file database and a worker process; all of it in the folder of the benchmark. */
export async function openCopyLab(bench: Bench, { megabytesPerShard, compressionLevel }: CopyOptions): Promise<CopyLab> {
  const directory = join(bench.directory, 'lab');
  const lab = await createLab({ directory, shape: 'small', machines: 'supervisor', megabytesPerShard });
  const coming = lab.up(bench.say);
  bench.atEnd(async () => {
    // What is still being made would come up behind our back; an interrupt does not wait for all of it.
    if (!bench.signal.aborted) await coming.catch(() => {});
    await lab.down();
  });
  const machines = await coming;
  const platformFile = join(directory, `${platformName}.yaml`);
  await writeFile(platformFile, await benchPlatform(lab.platformFile, compressionLevel));
  const { definition: platform, faults } = await readDefinition<VitamPlatform>(vitam, platformFile);
  if (!platform) throw new Error(`the platform of the benchmark has faults: ${JSON.stringify(faults)}`);

  const opening = startDevServer({
    database: join(bench.directory, 'temporal.db'),
    log: join(bench.directory, 'temporal.log'),
    say: bench.say,
  });
  bench.atEnd(async () => (await opening).stop());
  const { address } = await opening;
  const starting = startWorker({
    address,
    definitionDirectories: [directory],
    secretsDirectory: lab.secretsDirectory,
    log: join(bench.directory, 'worker.log'),
  });
  bench.atEnd(async () => endProcess(await starting));
  await starting;
  const connection = await Connection.connect({ address });
  bench.atEnd(() => connection.close());
  return { machines, platform, client: new Client({ connection }) };
}

/** The lab's platform without what the old procedure has no part in: no securisation, counts instead of digests, one set kept. */
async function benchPlatform(labFile: string, compressionLevel: number | undefined): Promise<string> {
  const document = parse(await readFile(labFile, 'utf8')) as Record<string, unknown> & { backup: object };
  return stringify({
    ...document,
    name: platformName,
    securisation: { mechanism: 'none', reason: 'not a part of the comparison' },
    backup: { ...document.backup, evidence: 'count', keepSets: 1, ...(compressionLevel === undefined ? {} : { compressionLevel }) },
  });
}
