import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Installer } from '../installer.contract.ts';
import { runProgram } from '../runProgram.ts';
import { unpackWheels } from '../wheels.ts';
import { fromEnvironment } from './fromEnvironment.ts';

const wheels = [
  { name: 'supervisor', version: '4.3.0', sha256: ['0bcb763fddafba410f35cbde226aa7f8514b9fb82eb05a0c85f6588d1c13f8db'] },
  { name: 'setuptools', version: '80.10.2', sha256: ['95b30ddfb717250edb492926c92b5221f7ef3fbcc2b07579bcd4a27da21d0173'] },
];

/** The wheels unpacked into a virtual environment, which needs no pip of its own. It keeps naming the folder in which it was made: ours call its Python. */
export const supervisor: Installer = {
  version: '4.3.0',
  program: 'bin',
  named: fromEnvironment('SUPERVISOR_BIN'),
  install: async (folder, home) => {
    const made = join(folder, 'venv');
    await runProgram('python3', ['-m', 'venv', '--without-pip', made]);
    const [python = ''] = await readdir(join(made, 'lib'));
    await unpackWheels(wheels, join(made, 'lib', python, 'site-packages'));
    await runProgram(join(made, 'bin', 'python'), ['-I', '-W', 'ignore', '-m', 'supervisor.supervisord', '--version']);
    const bin = join(folder, 'bin');
    await mkdir(bin);
    // The interpreter stands beside supervisorctl, as it does in a distribution's package.
    for (const [program, ...args] of [
      ['supervisord', '-I -m supervisor.supervisord'],
      ['supervisorctl', '-I -m supervisor.supervisorctl'],
      ['python3'],
    ])
      await writeFile(
        join(bin, program ?? ''),
        `#!/bin/sh\nexec "${join(home, 'venv', 'bin', 'python')}" ${['-W ignore', ...args].join(' ')} "$@"\n`,
        { mode: 0o755 },
      );
  },
};
