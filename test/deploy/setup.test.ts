import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { debianPackagesLine, missingPackages } from '../../deploy/setup/debianPackages.ts';
import type { Installer } from '../../deploy/setup/installer.contract.ts';
import { installers } from '../../deploy/setup/installers.ts';
import { takeInstallLock } from '../../deploy/setup/installLock.ts';
import { runProgram } from '../../deploy/setup/runProgram.ts';
import { ensureInstalled } from '../../deploy/setup/tools.ts';
import { waitUntil } from '../support/waitUntil.ts';

let directory = '';
let lines: string[] = [];
const say = (line: string): void => {
  lines.push(line);
};

interface FakeInstaller extends Installer {
  installations: number;
}

/** An installer that writes one small program. */
function fake(change: Partial<Installer> = {}): FakeInstaller {
  const installer: FakeInstaller = {
    installations: 0,
    version: '1.2.3',
    program: 'program',
    named: () => null,
    install: async (folder) => {
      installer.installations += 1;
      writeFileSync(join(folder, 'program'), 'x'.repeat(2_000_000));
    },
    ...change,
  };
  return installer;
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'nightshift-setup-'));
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('installation of a tool', () => {
  it('happens once, into a folder with its version, and is told with its size', async () => {
    lines = [];
    const installer = fake();
    const program = await ensureInstalled('once', installer, directory, say);
    assert.equal(program, join(directory, 'once-1.2.3', 'program'));
    assert.equal(await ensureInstalled('once', installer, directory, say), program);
    assert.equal(installer.installations, 1);
    assert.match(lines.join('\n'), /^once 1\.2\.3: installing …\nonce 1\.2\.3: installed in \d+ s, 2 MB$/);
    assert.ok(!existsSync(join(directory, 'once-1.2.3.lock')));
  });

  it('of another version goes beside the former one', async () => {
    await ensureInstalled('versions', fake(), directory, say);
    await ensureInstalled('versions', fake({ version: '2.0.0' }), directory, say);
    assert.ok(existsSync(join(directory, 'versions-1.2.3', 'program')));
    assert.ok(existsSync(join(directory, 'versions-2.0.0', 'program')));
  });

  it('that fails midway leaves nothing that looks whole, and the next one begins anew', async () => {
    const broken = fake({
      install: async (folder) => {
        writeFileSync(join(folder, 'program'), 'half');
        throw new Error('the wire was cut');
      },
    });
    await assert.rejects(ensureInstalled('broken', broken, directory, say), /^Error: broken 1\.2\.3: the wire was cut$/);
    assert.ok(!existsSync(join(directory, 'broken-1.2.3')));
    const seen: boolean[] = [];
    const whole = fake({
      install: async (folder) => {
        seen.push(existsSync(join(folder, 'program')));
        writeFileSync(join(folder, 'program'), 'whole');
      },
    });
    assert.equal(readFileSync(await ensureInstalled('broken', whole, directory, say), 'utf8'), 'whole');
    assert.deepEqual(seen, [false]);
  });

  it('is done by one when several want it at once', async () => {
    const installer = fake();
    const install = installer.install;
    installer.install = async (...given) => {
      await sleep(300);
      await install(...given);
    };
    const programs = await Promise.all([1, 2, 3].map(() => ensureInstalled('wanted', installer, directory, say)));
    assert.equal(new Set(programs).size, 1);
    assert.equal(installer.installations, 1);
  });
});

describe('where a tool is taken from', () => {
  it('a path that the user names goes before ours', async () => {
    await ensureInstalled('named', fake(), directory, say);
    assert.equal(await ensureInstalled('named', fake({ named: () => '/opt/tool' }), directory, say), '/opt/tool');
  });

  it('one that the machine has goes before ours, and where it has none ours is installed', async () => {
    const installer = fake({ present: async () => '/usr/bin/tool' });
    assert.equal(await ensureInstalled('present', installer, directory, say), '/usr/bin/tool');
    assert.equal(installer.installations, 0);
    const ours = await ensureInstalled('present', fake({ present: async () => null }), directory, say);
    assert.equal(ours, join(directory, 'present-1.2.3', 'program'));
    assert.equal(await ensureInstalled('present', installer, directory, say), '/usr/bin/tool');
  });

  it('a temporal on the PATH serves from 1.8 on', async () => {
    const former = process.env.PATH;
    const bin = join(directory, 'path');
    const program = join(bin, 'temporal');
    mkdirSync(bin);
    try {
      process.env.PATH = `${bin}:${former}`;
      for (const [version, expected] of [
        ['1.5.1', null],
        ['1.8.0', program],
        ['2.0.0', program],
      ] as const) {
        writeFileSync(program, `#!/bin/sh\necho "temporal version ${version} (Server 1.0.0, UI 2.0.0)"\n`, { mode: 0o755 });
        assert.equal(await installers.temporal.present?.(), expected, version);
      }
    } finally {
      process.env.PATH = former;
    }
  });
});

describe('a program that an installation runs', () => {
  it('is named with where to get it when it is missing, in one line', async () => {
    const former = process.env.PATH;
    try {
      process.env.PATH = directory;
      const missing = '"go" is not on the PATH; it is needed for the installation: Go 1.26.4 or later';
      await assert.rejects(runProgram('go', ['version']), { message: missing });
    } finally {
      process.env.PATH = former;
    }
  });
});

describe('lock of an installation', () => {
  it('of a process that runs is waited for; of one that was killed it is taken over', async () => {
    const path = join(directory, 'held.lock');
    const module = new URL('../../deploy/setup/installLock.ts', import.meta.url).href;
    const text = `const { takeInstallLock } = await import(${JSON.stringify(module)});
      await takeInstallLock(${JSON.stringify(path)}, () => undefined); console.log('held'); setInterval(() => undefined, 1000);`;
    const holder = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', text], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(holder.stdout, 'data');
      const waitedFor: number[] = [];
      let taken = false;
      const taking = takeInstallLock(path, (owner) => waitedFor.push(owner)).then((unlock) => {
        taken = true;
        return unlock;
      });
      await waitUntil('it says for whom it waits', () => waitedFor.length > 0);
      await sleep(300);
      assert.equal(taken, false);
      assert.deepEqual(waitedFor, [holder.pid]);
      holder.kill('SIGKILL');
      await (
        await taking
      )();
      assert.ok(!existsSync(path));
    } finally {
      holder.kill('SIGKILL');
    }
  });

  it('without an owner is taken over when it is old, by one of several at a time', async () => {
    const path = join(directory, 'ownerless.lock');
    mkdirSync(path);
    const old = Date.now() / 1000 - 3600;
    utimesSync(path, old, old);
    let inside = 0;
    let insideMost = 0;
    const work = async (): Promise<void> => {
      const unlock = await takeInstallLock(path, () => undefined);
      inside += 1;
      insideMost = Math.max(insideMost, inside);
      await sleep(50);
      inside -= 1;
      await unlock();
    };
    await Promise.all([work(), work(), work()]);
    assert.equal(insideMost, 1);
  });
});

describe('Debian packages', () => {
  it('that are missing are told by their commands, and installed by one line', async () => {
    const former = process.env.PATH;
    assert.deepEqual(
      (await missingPackages()).filter((name) => name === 'tar'),
      [],
    );
    try {
      // Without a PATH the places of the system still count.
      process.env.PATH = directory;
      assert.ok(!(await missingPackages()).includes('tar'));
    } finally {
      process.env.PATH = former;
    }
    assert.equal(debianPackagesLine(['zstd', 'iproute2']), 'apt-get update && apt-get install -y --no-install-recommends zstd iproute2');
  });
});
