import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Command } from 'commander';

import { createClockActivities } from '../activities/clock/clockActivities.ts';
import { describePlan } from '../workflows/vitam/describePlan.ts';
import { planColdBackup } from '../workflows/vitam/plan.ts';
import { listPlatformFiles, readPlatformFile } from '../workflows/vitam/requests.schema.ts';
import { readPlatformDirectories } from '../workers/settings.ts';
import { checkFiles } from './checkFiles.ts';
import { followRun } from './followRun.ts';
import { addImportReplica } from './pixEnvironment/addImportReplica.ts';
import { addImportPlatform } from './platformInventory/addImportPlatform.ts';
import { addReplicationTimes } from './replicationTimes/addReplicationTimes.ts';
import { tellPlan } from './tellReports.ts';

const program = new Command('ops').description(
  'Nightshift from the command line. Runs are started with the temporal CLI; this checks, plans and follows.',
);

program
  .command('check')
  .description('check platform and replica files, offline; tells every fault of every file with its path in the file')
  .argument(
    '[files...]',
    'default: all platform files in NIGHTSHIFT_PLATFORMS and replica files in NIGHTSHIFT_REPLICAS (deploy/platforms, deploy/replicas)',
  )
  .option('--json', 'as JSON')
  .action(async (files: string[], { json }: { json?: boolean }) => {
    const results = await checkFiles(files);
    if (json) console.log(JSON.stringify(results, null, 2));
    else
      for (const { file, faults } of results) {
        console.log(`${file}: ${faults.length === 0 ? 'ok' : `${faults.length} faults`}`);
        for (const { path, message } of faults) console.log(`  ${path === '' ? '(whole file)' : path}: ${message}`);
      }
    if (results.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  });

program
  .command('plan')
  .description('print the plan of a cold backup, offline; the same code as the run follows')
  .argument('<platform>', 'name of a platform file, or its path')
  .option('--json', 'as JSON')
  .action(async (name: string, { json }: { json?: boolean }) => {
    const file = (await listPlatformFiles(readPlatformDirectories())).get(name) ?? name;
    const { platform, faults } = await readPlatformFile(file);
    if (!platform) {
      console.error(`${file}: ${faults.length} faults; see: npm run ops -- check ${file}`);
      process.exitCode = 1;
      return;
    }
    const window = await createClockActivities().findWindow({ ...platform.window, at: new Date().toISOString() });
    const plan = describePlan(platform, planColdBackup(platform), window);
    if (json) console.log(JSON.stringify(plan, null, 2));
    else tellPlan(plan, console.log);
  });

program
  .command('watch')
  .description('follow a run to its end, a line per step')
  .argument('<workflowId>', 'for example vitam/coldBackup/lab')
  .action(async (workflowId: string) => {
    const { connectionOptions, namespace } = loadClientConnectConfig();
    const connection = await Connection.connect(connectionOptions);
    try {
      const handle = new Client({ connection, namespace: namespace ?? 'default' }).workflow.getHandle(workflowId);
      await followRun(handle, console.log);
      const { status } = await handle.describe();
      console.log(`\n${workflowId}: ${status.name}`);
      if (status.name !== 'COMPLETED') process.exitCode = 1;
    } finally {
      await connection.close();
    }
  });

addReplicationTimes(program);
addImportReplica(program);
addImportPlatform(program);

await program.parseAsync();
