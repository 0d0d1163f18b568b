// Bundles the workflows into the file that is named as the only argument; see workflowBundle.ts.
import { rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

const [, , file = ''] = process.argv;
const { code } = await bundleWorkflowCode({
  workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)),
  logger: new DefaultLogger('ERROR'),
});
// Written under another name first: whoever finds it finds all of it.
const partial = `${file}.${process.pid}.partial`;
await writeFile(partial, code);
await rename(partial, file);
