import { Argument, Command } from 'commander';

import { ensureDebianPackages } from './debianPackages.ts';
import type { ToolName } from './installer.contract.ts';
import { installEverything, toolNames } from './tools.ts';

const say = (line: string): void => console.log(line);

await new Command('npm run setup --')
  .description('Installs what npm start and npm test need into the project-local folder .nightshift/tools: pinned by version, once.')
  .addArgument(new Argument('[parts...]', 'parts to install; default: all').choices(toolNames))
  .option('--systemd', 'also the Debian packages for lab machines with systemd; as root')
  .addHelpText(
    'after',
    `
Programs of yours go first where the environment names them: TEMPORAL_CLI_PATH, TEMPORAL_TEST_SERVER_PATH, MONGOD_PATH,
SUPERVISOR_BIN and POSTGRES_BIN (folders), VERSITYGW_PATH; and a temporal of 1.8 or later on the PATH. Only objectStore, for npm test, is built, with Go.`,
  )
  .action(async (parts: ToolName[], { systemd }: { systemd?: boolean }) => {
    const beganMs = Date.now();
    try {
      await ensureDebianPackages(say, systemd ? 'systemd' : 'base');
      await installEverything(say, parts.length > 0 ? parts : toolNames);
    } catch (error) {
      console.error(`setup: ${error instanceof Error ? error.message : String(error)}`);
      process.exitCode = 1;
      return;
    }
    say(`setup: ${parts.length || toolNames.length} parts ready in ${((Date.now() - beganMs) / 1000).toFixed(0)} s`);
  })
  .parseAsync();
