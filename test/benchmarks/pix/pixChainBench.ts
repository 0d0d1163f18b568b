import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';

import { endProcess } from '../../../deploy/lab/temporal/devServer.ts';
import { startPixLab, type PixLab, type PixLabSetting } from '../../../deploy/lab/pix/pixLab.ts';
import { startWorker } from '../../../deploy/lab/temporal/workerProcess.ts';
import { startDevServer } from '../../support/temporalServer.ts';
import type { Bench } from '../bench.contract.ts';

/** The lab of Pix with a Temporal server and a worker process of its own. */
export interface PixChain {
  lab: PixLab;
  worker: ChildProcess;
  /** Runs a procedure on replica "pix" and answers its report. */
  run: <Report>(type: string) => Promise<Report>;
}

export async function openChain(
  { directory, say, atEnd }: Bench,
  name: string,
  setting: Omit<PixLabSetting, 'directory' | 'say'>,
): Promise<PixChain> {
  const lab = await startPixLab({ directory: join(directory, name), say, ...setting });
  atEnd(lab.end);
  const env = await startDevServer();
  atEnd(() => env.teardown());
  const worker = await startWorker({
    ...{ address: env.address, taskQueue: 'bench', definitionDirectories: [lab.replicaDirectory] },
    ...{ secretsDirectory: lab.secretsDirectory, postgresTools: lab.target.programs, log: join(directory, `${name}-worker.log`) },
  });
  atEnd(() => endProcess(worker));
  let count = 0;
  return {
    lab,
    worker,
    async run<Report>(type: string) {
      count += 1;
      const options = { workflowId: `bench-${count}`, taskQueue: 'bench', args: [{ replica: 'pix' }] };
      return (await env.client.workflow.execute(type, options)) as Report;
    },
  };
}
