import { parse } from 'yaml';

import type { Fault } from '../../workflows/runbook/definitionFiles.schema.ts';

export type Variables = Record<string, unknown>;

/** A group as Ansible's YAML inventory has it. */
export interface GroupDocument {
  hosts?: Record<string, Variables | null> | null;
  children?: Record<string, GroupDocument | null> | null;
  vars?: Variables | null;
}

/** An inventory in Ansible's INI form, in the shape of its YAML form. What follows a host rules out the parsers of common INI. */
export function parseIniInventory(text: string): { groups: Record<string, GroupDocument>; faults: Fault[] } {
  const groups: Record<string, { hosts: Record<string, Variables>; children: Record<string, null>; vars: Variables }> = {};
  const faults: Fault[] = [];
  const groupOf = (name: string) => (groups[name] ??= { hosts: {}, children: {}, vars: {} });
  let group = groupOf('ungrouped');
  let part = 'hosts';
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || /^[#;]/.test(line)) continue;
    const section = /^\[(?<name>[^\]:]+)(?::(?<kind>hosts|children|vars))?\]\s*(?:[#;].*)?$/.exec(line)?.groups;
    const setting = /^(?<key>[^=\s]+)\s*=\s*(?<value>.*)$/.exec(line)?.groups;
    const [first = '', ...fields] = wordsOf(line);
    if (section?.name) [group, part] = [groupOf(section.name), section.kind ?? 'hosts'];
    else if (part === 'vars' && setting?.key) group.vars[setting.key] = valueOf(setting.value ?? '');
    else if (part === 'children' && fields.length === 0) group.children[first] = null;
    else if (part === 'hosts' && !first.includes('=') && fields.every((field) => field.includes('=')))
      group.hosts[first] = { ...group.hosts[first], ...variablesOf(fields) };
    else faults.push({ path: `line ${index + 1}`, message: `not understood under [${part}]: ${line}` });
  }
  return { groups, faults };
}

/** As a shell splits them; what follows a # is a comment. */
function wordsOf(line: string): string[] {
  const words = line.match(/#.*|(?:"[^"]*"|'[^']*'|[^\s"'#])+/g) ?? [];
  return words.filter((word) => !word.startsWith('#')).map((word) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, '$1$2'));
}

function variablesOf(fields: readonly string[]): Variables {
  return Object.fromEntries(fields.map((field) => [field.slice(0, field.indexOf('=')), valueOf(field.slice(field.indexOf('=') + 1))]));
}

/** Numbers, booleans and lists as such, anything else as text. */
function valueOf(text: string): unknown {
  const [, value] = /^(true|false|-?(?:0|[1-9]\d*)|\[[^[\]{}]*\])(?:\s+#.*)?$/i.exec(text) ?? [];
  return value === undefined ? text.replace(/^(["'])(.*)\1(?:\s+#.*)?$/, '$2') : (parse(value) as unknown);
}
