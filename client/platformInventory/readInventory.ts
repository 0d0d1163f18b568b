import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { parseDocument } from 'yaml';

import { mergeFields, type Fault } from '../../workflows/runbook/definitionFiles.schema.ts';
import { parseIniInventory, type GroupDocument, type Variables } from './parseIniInventory.ts';

export interface InventoryHost {
  name: string;
  /** Of its groups and its own. What is encrypted is null. */
  variables: Variables;
}

export interface Inventory {
  /** Every group to its hosts, those of its children included, in the order of the inventory. */
  groups: Map<string, InventoryHost[]>;
  /** Groups that name hosts themselves. */
  naming: string[];
  /** Files that are encrypted as a whole. */
  encrypted: string[];
  faults: Fault[];
}

interface Group {
  hosts: Map<string, Variables>;
  children: Set<string>;
  variables: Variables;
}

/**
 * Reads inventories of Ansible, INI or YAML, with the folders group_vars and host_vars beside them. Later variables win, and tables are merged, as VITAM
 * has it set. Nothing is decrypted.
 */
export async function readInventory(files: readonly string[]): Promise<Inventory> {
  const faults: Fault[] = [];
  const encrypted: string[] = [];
  const groups = new Map<string, Group>([['all', { hosts: new Map(), children: new Set(), variables: {} }]]);

  async function read(file: string): Promise<string> {
    const text = await readFile(file, 'utf8').catch(({ code, message }: NodeJS.ErrnoException) => {
      faults.push({ path: file, message: `cannot be read: ${code ?? message}` });
      return '';
    });
    if (!text.startsWith('$ANSIBLE_VAULT')) return text;
    encrypted.push(file);
    return '';
  }

  function parseYaml(file: string, text: string): Variables {
    const document = parseDocument(text, { customTags: [{ tag: '!vault', resolve: () => null }], logLevel: 'error' });
    faults.push(...document.errors.map(({ message }) => ({ path: file, message: message.split('\n')[0] ?? '' })));
    return document.errors.length > 0 ? {} : ((document.toJS() as Variables | null) ?? {});
  }

  function take(name: string, document: GroupDocument | null): void {
    const group = groups.get(name) ?? { hosts: new Map<string, Variables>(), children: new Set<string>(), variables: {} };
    groups.set(name, group);
    group.variables = merged(group.variables, document?.vars);
    for (const [pattern, variables] of Object.entries(document?.hosts ?? {}))
      for (const host of hostsOf(pattern)) group.hosts.set(host.name, merged(group.hosts.get(host.name), host.variables, variables));
    for (const [child, each] of Object.entries(document?.children ?? {})) {
      group.children.add(child);
      take(child, each);
    }
  }

  for (const file of files) {
    const text = await read(file);
    if (/\.(ya?ml|json)$/.test(file) || /^(\s*#.*\n|\s*\n)*(---|[\w-]+:)\s*$/m.exec(text)?.index === 0)
      for (const [name, document] of Object.entries(parseYaml(file, text))) take(name, document as GroupDocument);
    else {
      const parsed = parseIniInventory(text);
      faults.push(...parsed.faults.map(({ path, message }) => ({ path: `${file}, ${path}`, message })));
      for (const [name, document] of Object.entries(parsed.groups)) take(name, document);
    }
  }

  /** What the folders say of a group or host. */
  async function variablesIn(kind: 'group_vars' | 'host_vars', name: string): Promise<Variables> {
    const found: Variables[] = [];
    for (const folder of new Set(files.map((file) => join(dirname(file), kind))))
      for (const path of await variableFiles(folder, name)) found.push(parseYaml(path, await read(path)));
    return merged(...found);
  }

  const parentsOf = (name: string) => [...groups].flatMap(([parent, { children }]) => (children.has(name) ? [parent] : []));
  const depthOf = (name: string, below: readonly string[] = []): number =>
    name === 'all' || below.includes(name) ? 0 : 1 + Math.max(0, ...parentsOf(name).map((parent) => depthOf(parent, [...below, name])));
  const membersOf = (name: string, above: readonly string[] = []): string[] => {
    if (name === 'all') return [...new Set([...groups.values()].flatMap((group) => [...group.hosts.keys()]))];
    const { hosts, children } = groups.get(name) ?? { hosts: new Map<string, Variables>(), children: new Set<string>() };
    return above.includes(name)
      ? []
      : [...new Set([...hosts.keys(), ...[...children].flatMap((child) => membersOf(child, [...above, name]))])];
  };
  const byDepth = [...groups.keys()].sort((a, b) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1));
  const members = new Map(byDepth.map((name) => [name, membersOf(name)]));
  const filed = new Map<string, Variables>();
  for (const name of byDepth) filed.set(name, await variablesIn('group_vars', name));

  const hosts = new Map<string, InventoryHost>();
  for (const name of members.get('all') ?? []) {
    const own = byDepth.filter((group) => members.get(group)?.includes(name));
    const variables = merged(
      ...own.map((group) => groups.get(group)?.variables),
      ...own.map((group) => filed.get(group)),
      ...own.map((group) => groups.get(group)?.hosts.get(name)),
      await variablesIn('host_vars', name),
    );
    hosts.set(name, { name, variables });
  }
  return {
    groups: new Map([...members].map(([group, names]) => [group, names.flatMap((name) => hosts.get(name) ?? [])])),
    naming: [...groups].flatMap(([name, group]) => (group.hosts.size > 0 ? [name] : [])),
    encrypted,
    faults,
  };
}

function merged(...all: (Variables | null | undefined)[]): Variables {
  return all.reduce<Variables>((base, change) => mergeFields(base, change ?? undefined) as Variables, {});
}

/** Of a group or host: one file, or every file of a folder. */
async function variableFiles(folder: string, name: string): Promise<string[]> {
  for (const path of ['', '.yml', '.yaml', '.json'].map((extension) => join(folder, `${name}${extension}`))) {
    const found = await stat(path).catch(() => null);
    if (found?.isFile()) return [path];
    if (!found?.isDirectory()) continue;
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .flatMap((entry) => (entry.isFile() && /^[^.]+$|^[^.].*\.(ya?ml|json)$/.test(entry.name) ? [join(entry.parentPath, entry.name)] : []))
      .sort();
  }
  return [];
}

/** `node[01:03].example` is three hosts, as `[a:c]` is; `node:2222` has a port. */
function hostsOf(pattern: string): InventoryHost[] {
  const range = /^(.*?)\[(\w+):(\w+)(?::(\d+))?\](.*)$/.exec(pattern);
  if (!range) {
    const [, name = pattern, port] = /^([^:]+):(\d+)$/.exec(pattern) ?? [];
    return [{ name, variables: port === undefined ? {} : { ansible_port: Number(port) } }];
  }
  const [, before = '', from = '', to = '', step = '1', after = ''] = range;
  const isNumber = /^\d+$/.test(from);
  const [first, last] = isNumber ? [Number(from), Number(to)] : [from.charCodeAt(0), to.charCodeAt(0)];
  const found: InventoryHost[] = [];
  for (let place = first; place <= last; place += Number(step) || 1)
    found.push(...hostsOf(`${before}${isNumber ? String(place).padStart(from.length, '0') : String.fromCharCode(place)}${after}`));
  return found;
}
