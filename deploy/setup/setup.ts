import { Command, Argument } from 'commander';

import { installers, type ToolName } from './installers.ts';
import { tool } from './tools.ts';

const names = Object.keys(installers) as ToolName[];

await new Command('setup')
  .description(
    'Installs the tools that npm start and npm test need into the project-local folder .nightshift/tools, pinned by version, once.',
  )
  .addArgument(new Argument('[parts...]', 'parts to install').choices(names).default(names))
  .action(async (parts: ToolName[]) => {
    const beganMs = Date.now();
    for (const name of parts) console.log(`${name}: ${await tool(name, (line) => console.log(line))}`);
    console.log(`${parts.length} parts ready in ${((Date.now() - beganMs) / 1000).toFixed(0)} s`);
  })
  .parseAsync();
