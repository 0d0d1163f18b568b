// `npm run record:histories`: records the histories of this release (package.json's version), which test/replay replays, from runs over fakes. What is
// recorded already is never written over: a history is what a deployed release made. `npm run record:histories -- pix` records one system.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { Argument, Command } from 'commander';

import { startDevServer } from '../support/temporalServer.ts';
import { recordPix } from './recordPix.ts';
import { recordVitam } from './recordVitam.ts';

const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { version: string };

/** Keeps the history of an ended run. `unmet`: troubles of the scenario that the run has not met. */
export type Keep = (
  type: string,
  scenario: string,
  history: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>,
  unmet?: readonly string[],
) => Promise<void>;

const systems = { vitam: recordVitam, pix: recordPix };

/** Names and paths of the recording machine are no part of a history. */
function withoutMachine(name: string, value: unknown): unknown {
  if (name === 'identity') return 'recorder';
  return name === 'stackTrace' ? '' : value;
}

const keep: Keep = async (type, scenario, history, unmet = []) => {
  if (unmet.length > 0) throw new Error(`${type} ${scenario}: these troubles were not met: ${unmet.join(', ')}`);
  const folder = join(import.meta.dirname, 'histories', version, type);
  await mkdir(folder, { recursive: true });
  const text = JSON.stringify(JSON.parse(historyToJSON(history), withoutMachine) as unknown);
  await writeFile(join(folder, `${scenario}.json`), `${text}\n`, { flag: 'wx' });
  console.log(`${type} ${scenario}: ${history.events?.length ?? 0} events, ${(text.length / 1e6).toFixed(2)} MB`);
};

await new Command('npm run record:histories --')
  .description('records the histories that the tests replay, over fakes')
  .addArgument(new Argument('[systems...]', 'default: all').choices(Object.keys(systems)))
  .action(async (chosen: (keyof typeof systems)[]) => {
    const env = await startDevServer();
    try {
      for (const system of chosen.length > 0 ? chosen : (Object.keys(systems) as (keyof typeof systems)[]))
        await systems[system](env, keep);
    } finally {
      await env.teardown();
    }
  })
  .parseAsync();
