import { Client, Connection } from '@temporalio/client';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { Command } from 'commander';

import { definitionsBeside, localDefinitions } from './localDefinitions.ts';
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
  .description('check definition files of any system, offline; shows every fault of every file with its path and line')
  .argument('[files...]', 'default: all files in the folders of NIGHTSHIFT_DEFINITIONS (deploy/definitions)')
  .option('--json', 'as JSON')
  .action(async (files: string[], { json }: { json?: boolean }) => {
    const results = await localDefinitions().check(files.length > 0 ? files : undefined);
    if (json)
      console.log(
        JSON.stringify(
          results.map(({ file, system, faults }) => ({ file, system: system?.name ?? null, faults })),
          null,
          2,
        ),
      );
    else
      for (const { file, system, faults } of results) {
        const found = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
        console.log(`${file}: ${faults.length === 0 ? `ok (${system?.name ?? ''})` : found}`);
        for (const { path, line, message } of faults)
          console.log(`  ${path === '' ? '(whole file)' : path}${line === undefined ? '' : ` (line ${line})`}: ${message}`);
      }
    if (results.length === 0) console.error('no definition file was found');
    if (results.length === 0 || results.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
  });

program
  .command('plan')
  .description('print what a run would do, offline; the same steps as the run follows')
  .argument('<target>', 'name of a definition, or the path of its file')
  .argument('[type]', 'workflow type; default: the first of the target’s system, for example vitamColdBackup')
  .option('--input <json>', 'further fields of the input', '{}')
  .option('--json', 'as JSON')
  .addHelpText('after', '\nExample: npm run ops -- plan deploy/definitions/vitam.example.yaml vitamStart')
  .action(async (target: string, type: string | undefined, { input, json }: { input: string; json?: boolean }) => {
    const { definitions, name } = definitionsBeside(target);
    try {
      const plan = await definitions.plan(name, type, JSON.parse(input) as object);
      if (json) console.log(JSON.stringify(plan, null, 2));
      else tellPlan(plan, console.log);
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    }
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
