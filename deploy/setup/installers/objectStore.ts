import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import type { Installer } from '../installer.contract.ts';
import { runProgram } from '../runProgram.ts';
import { fromEnvironment } from './fromEnvironment.ts';

/** No registry has it ready: built with Go, a minute. */
export const objectStore: Installer = {
  version: '1.8.0',
  program: 'versitygw',
  named: fromEnvironment('VERSITYGW_PATH'),
  install: async (folder) => {
    await runProgram('go', ['install', '-trimpath', '-ldflags', '-s -w', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'], {
      env: { CGO_ENABLED: '0', GOBIN: join(folder, 'bin') },
    });
    await rename(join(folder, 'bin', 'versitygw'), join(folder, 'versitygw'));
    await rm(join(folder, 'bin'), { recursive: true });
  },
};
