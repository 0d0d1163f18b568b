import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { failureCatalogue } from '../../activities/failures.contract.ts';
import { messages } from '../../workflows/names.contract.ts';
import { systems } from '../../workflows/systems.schema.ts';
import { badCitations, rulesOf, type Citable } from './citations.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8');

async function sources(...patterns: string[]): Promise<string[]> {
  const files: string[] = [];
  for await (const file of glob(patterns, { cwd: root })) files.push(file);
  return files.sort();
}

describe('the repository', () => {
  test('every failure type has its row in the what-to-do page, and every row its type', async () => {
    const page = await read('deploy/README.md');
    const rows = [...page.matchAll(/^\| `([A-Za-z]+)` \|/gm)].map(([, type]) => type);
    assert.deepEqual(rows.sort(), Object.keys(failureCatalogue).sort());
  });

  test('every workflow type is on the page of its system and has the five labels in its header', async () => {
    for (const system of systems) {
      const folder = join('workflows', system.name);
      const page = await read(`deploy/systems/${system.name}.md`);
      const exported = [...(await read(join(folder, 'index.ts'))).matchAll(/^export \{ (\w+) \} from '(.+)';$/gm)];
      assert.deepEqual(
        exported.map(([, type = '']) => type).sort(),
        [...system.types].sort(),
        `index and procedures of ${system.name} differ`,
      );
      for (const [, type = '', path = ''] of exported) await checkType(type, join(folder, path), page);
    }
  });

  async function checkType(type: string, path: string, page: string): Promise<void> {
    assert.ok(page.includes(`\`${type}\``), `${type} is not on the page of its system`);
    const text = await read(path);
    assert.match(text, new RegExp(`export async function ${type}\\(`), `${type} is not the name in its file`);
    for (const label of ['Runbook', 'Downtime', 'Needs', 'On error', 'To stop'])
      assert.match(text, new RegExp(`^ \\* ${label}\\s`, 'm'), `${path} lacks ${label}`);
  }

  test('a message constant is the word on the wire', () => {
    for (const [name, wire] of Object.entries(messages)) assert.equal(name, wire);
  });

  test('every activity of a contract is implemented once and no capability knows another system', async () => {
    const files = await sources('activities/**/*.contract.ts');
    const names = new Map<string, string>();
    for (const file of files) {
      const text = await read(file);
      for (const block of text.matchAll(/export interface \w+Activities \{([\s\S]*?)\n\}/g))
        for (const [, name = ''] of (block[1] ?? '').matchAll(/^ {2}(\w+)\(/gm)) {
          assert.ok(!names.has(name), `${name} is in ${names.get(name) ?? ''} and in ${file}`);
          names.set(name, file);
        }
    }
    assert.ok(names.size > 30);
    for (const file of await sources('activities/**/*.ts'))
      assert.ok(!/from '.*workflows\//.test(await read(file)), `${file} imports a procedure`);
  });

  test('the README shows the two commands on its first screen, and CI runs the second', async () => {
    const screen = (await read('README.md')).split('\n').slice(0, 40).join('\n');
    for (const command of ['npm start', 'npm test']) assert.ok(screen.includes(command), command);
    assert.match(await read('.ci/run'), /npm test/);
  });

  test('files stay readable: none of ours is longer than 400 lines', async () => {
    const long: string[] = [];
    for (const file of await sources('{activities,workflows,workers,client,deploy,test}/**/*.ts')) {
      const lines = (await read(file)).split('\n').length;
      if (lines > 400) long.push(`${file}: ${lines}`);
    }
    assert.deepEqual(long, []);
  });

  test('what code and documents cite stands in the repository', async () => {
    const files = await sources('*.{md,js}', '{.ci,activities,workflows,workers,client,deploy,test}/**/*.{ts,md,sh,yaml,sql,py,mjs}');
    const rules = new Map<string, Set<number>>();
    for (const system of ['vitam', 'pix']) {
      const numbers = rulesOf(system, await read(`deploy/systems/${system}.md`));
      assert.ok(numbers.length > 20, `${system} has ${numbers.length} rules`);
      assert.equal(new Set(numbers).size, numbers.length, `a number of ${system} is there twice`);
      rules.set(system, new Set(numbers));
    }
    const bad: string[] = [];
    for (const file of files) bad.push(...badCitations(await read(file), { files, rules }).map((citation) => `${file}: ${citation}`));
    assert.deepEqual(bad, []);
  });

  test('a citation that leads nowhere is found', () => {
    const page = '- **vitam 1** The window.\n- **vitam 12** A component.\n';
    const tree: Citable = { files: ['README.md', 'deploy/systems/vitam.md'], rules: new Map([['vitam', new Set(rulesOf('vitam', page))]]) };
    const [wrong, document, code, section] = [13, `nowhere.${'md'}`, `VI${'-'}09`, `E${'.'}2.3`];
    assert.deepEqual(badCitations(`see ../systems/vitam.md, README.md, vitam.md 12 and (vitam 1, 12)`, tree), []);
    assert.deepEqual(badCitations(`see deploy/${document} (vitam ${wrong}), vitam.md 1 to ${wrong}; ${code}, ${section} step 4`, tree), [
      `deploy/${document}`,
      `vitam ${wrong}`,
      `vitam ${wrong}`,
      code,
      section,
    ]);
  });

  test('relative links of the documents lead somewhere', async () => {
    const documents = await sources('*.md', '{activities,workflows,deploy,test}/**/*.md');
    assert.ok(documents.length > 6);
    for (const file of documents) {
      for (const [, target = ''] of (await read(file)).matchAll(/\]\((?!https?:|#)([^)#]+)/g))
        await assert.doesNotReject(
          readFile(join(root, file, '..', target)).catch((error: NodeJS.ErrnoException) =>
            error.code === 'EISDIR' ? '' : Promise.reject(error),
          ),
          `${file} → ${target}`,
        );
    }
  });
});
