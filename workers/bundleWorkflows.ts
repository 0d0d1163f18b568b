// Bundles the workflows into the file that is named as the only argument; see workflowBundle.ts.
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const [, , file = ''] = process.argv;
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
  workflowInterceptorModules: [fileURLToPath(new URL('../workflows/runbook/showDetails.ts', import.meta.url))],
  logger: new DefaultLogger('ERROR'),
});
// Written under another name first: whoever finds it finds all of it. The first of two that made it at the same time counts.
const partial = `${file}.${process.pid}.partial`;
await writeFile(partial, code);
if (existsSync(file)) await rm(partial);
else await rename(partial, file);
