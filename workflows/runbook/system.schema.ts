import { basename, extname } from 'node:path';

import { z } from 'zod';

import { failure } from '../../activities/failure.ts';
import { definitionName, faultsInWords, faultsOf, listDefinitionFiles, mergeFields, readYaml, type Fault } from './definitions.schema.ts';
import { describePlan, type Planned } from './plan.ts';
import type { PlanReport, RunRequest } from './runbook.contract.ts';

/** Text of a secret by its name; fails with SecretMissing. */
export type ResolveSecret = (name: string) => Promise<string>;

/** One workflow type of a system, as its inputs and its dry run need it. */
export interface SystemProcedure<Request extends RunRequest> {
  /** Fields of the input beside the target, `dryRun` and those of the definition. */
  options: z.ZodRawShape;
  planned: Planned<Request, object>;
  /** What is wrong with a request although each of its fields is right. */
  check?: (request: Request) => string | null;
}

export interface SystemSettings<Document extends z.ZodObject, Definition extends object> {
  /** The word behind `system:` in a definition file. */
  name: string;
  /** Field of an input that names the definition, for example "platform"; the request has the definition itself under it. */
  word: string;
  document: Document;
  /** Before the document is checked: short forms and defaults of the system's own. */
  prepare?: (value: unknown) => unknown;
  /** From names to things; every fault of reference. Null when there are faults that leave nothing to resolve. */
  resolve: (name: string, document: z.output<Document>, file: string) => Promise<{ definition: Definition | null; faults: Fault[] }>;
  /** What runs on it change; see RunRequest. */
  things: (definition: Definition, resolveSecret: ResolveSecret) => Promise<string[]>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each with a request type of its own; the reader makes requests by these very settings
  procedures: Record<string, SystemProcedure<any>>;
}

/** A system that is operated: what worker, client, tests and pages know of it. */
export interface System {
  name: string;
  word: string;
  types: string[];
  plannedOf: (type: string) => Planned<RunRequest, object>;
  /** Reads, checks and resolves a definition; every fault with its path. @param changes of a request, over the fields of the file. */
  read: (name: string, value: unknown, file: string, changes?: object) => Promise<{ definition: object | null; faults: Fault[] }>;
  /** The shape of an input: the definition's name, changes over its fields, and the procedure's own options. Throws InvalidInput with every fault. */
  parseInput: (type: string, input: unknown) => { target: string; dryRun: boolean; changes: object; options: object };
  things: (definition: object, resolveSecret: ResolveSecret) => Promise<string[]>;
  check: (type: string, request: RunRequest) => string | null;
}

/** The one way to say what a system is. A new system is a folder, and one line in the list of systems. */
export function defineSystem<Document extends z.ZodObject, Definition extends object>(
  settings: SystemSettings<Document, Definition>,
): System {
  const { name, word, document, prepare = (value) => value, resolve, procedures } = settings;
  const fields = Object.keys(document.shape).filter((field) => field !== 'system');
  const procedureOf = (type: string): SystemProcedure<RunRequest> => {
    const found = procedures[type];
    if (!found) throw failure('UnknownRunbook', `${type} is no procedure of ${name}`);
    return found as SystemProcedure<RunRequest>;
  };
  return {
    name,
    word,
    types: Object.keys(procedures),
    plannedOf: (type) => procedureOf(type).planned,
    things: (definition, resolveSecret) => settings.things(definition as Definition, resolveSecret),
    check: (type, request) => procedureOf(type).check?.(request) ?? null,
    async read(target, value, file, changes = {}) {
      const parsed = document.safeParse(prepare(mergeFields(value, changes)));
      if (!parsed.success) return { definition: null, faults: faultsOf(parsed.error) };
      const { definition, faults } = await resolve(target, parsed.data, file);
      return { definition: faults.length > 0 ? null : definition, faults };
    },
    parseInput(type, input) {
      const { options } = procedureOf(type);
      const named = z.string({ error: `name a ${word}, for example {"${word}":"prod"}` }).pipe(definitionName);
      const changes = Object.fromEntries(fields.filter((field) => !(field in options)).map((field) => [field, z.unknown().optional()]));
      const parsed = z.strictObject({ ...changes, [word]: named, dryRun: z.boolean().default(false), ...options }).safeParse(input);
      if (!parsed.success)
        throw failure('InvalidInput', faultsInWords('the input', faultsOf(parsed.error)), { faults: faultsOf(parsed.error) });
      const given = parsed.data as Record<string, unknown>;
      const pick = (names: string[]): object =>
        Object.fromEntries(names.filter((each) => given[each] !== undefined).map((each) => [each, given[each]]));
      return {
        target: given[word] as string,
        dryRun: given.dryRun as boolean,
        changes: pick(Object.keys(changes)),
        options: pick(Object.keys(options)),
      };
    },
  };
}

export interface CheckedDefinition {
  name: string;
  file: string;
  system: System | null;
  definition: object | null;
  faults: Fault[];
}

export interface Definitions {
  /** Every file of the directories, or these files. */
  check: (files?: readonly string[]) => Promise<CheckedDefinition[]>;
  /** The request that an input becomes. Fails with InvalidInput, InvalidDefinition or UnknownRunbook; the message has every fault. */
  readRequest: (type: string, input: unknown) => Promise<RunRequest>;
  /** The plan of a run, offline: made from the definition alone. @param type default: the first of the target's system. */
  plan: (target: string, type?: string, input?: object) => Promise<PlanReport>;
}

/** Definition files of all systems. They lie in the same folders; each says which system it is of. @param directories the first hit wins. */
export function openDefinitions(systems: readonly System[], directories: readonly string[], resolveSecret: ResolveSecret): Definitions {
  async function readFile(file: string, name = basename(file, extname(file)), changes: object = {}): Promise<CheckedDefinition> {
    const yaml = await readYaml(file);
    const nothing = { name, file, system: null, definition: null };
    if ('faults' in yaml) return { ...nothing, faults: yaml.faults };
    const word = (yaml.value as { system?: unknown } | null)?.system;
    const system = systems.find((each) => each.name === word);
    const withLines = (faults: Fault[]): Fault[] =>
      faults.map((fault) => {
        const line = fault.path === '' ? null : yaml.lineOf(fault.path);
        return line === null ? fault : { ...fault, line };
      });
    if (!system)
      return { ...nothing, faults: withLines([{ path: 'system', message: `one of ${systems.map((each) => each.name).join(', ')}` }]) };
    const { definition, faults } = await system.read(name, yaml.value, file, changes);
    // What a request changed stands in no line.
    return { name, file, system, definition, faults: Object.keys(changes).length === 0 ? withLines(faults) : faults };
  }

  async function readRequest(type: string, input: unknown): Promise<RunRequest> {
    const system = systems.find(({ types }) => types.includes(type));
    if (!system) throw failure('UnknownRunbook', `no system has a procedure ${type}`);
    const { target, dryRun, changes, options } = system.parseInput(type, input);
    const found = await readFile(await fileOf(system.word, target), target, changes);
    if (found.system && found.system !== system)
      throw failure('InvalidInput', `${system.word}: "${target}" is described for ${found.system.name}; ${type} is of ${system.name}`);
    if (!found.definition) {
      const isChanged = Object.keys(changes).length > 0;
      const what = `${system.word} "${target}"${isChanged ? ' with the fields of the request' : ''}`;
      throw failure(isChanged ? 'InvalidInput' : 'InvalidDefinition', faultsInWords(what, found.faults), { faults: found.faults });
    }
    const things = await system.things(found.definition, resolveSecret);
    const request = { dryRun, target, things, [system.word]: found.definition, ...options };
    const wrong = system.check(type, request);
    if (wrong !== null) throw failure('InvalidInput', wrong);
    return request;
  }

  async function fileOf(word: string, target: string): Promise<string> {
    const files = await listDefinitionFiles(directories);
    const file = files.get(target);
    if (!file) throw failure('InvalidInput', `${word}: "${target}" is not described; described: ${[...files.keys()].join(', ') || 'none'}`);
    return file;
  }

  return {
    readRequest,
    async plan(target, type, input = {}) {
      const { system, faults } = await readFile(await fileOf('target', target), target);
      if (!system) throw failure('InvalidDefinition', faultsInWords(`definition "${target}"`, faults), { faults });
      const wanted = type ?? system.types[0] ?? '';
      return describePlan(system.plannedOf(wanted), await readRequest(wanted, { ...input, [system.word]: target, dryRun: true }), null);
    },
    async check(files) {
      const named = files
        ? files.map((file) => [basename(file, extname(file)), file] as const)
        : [...(await listDefinitionFiles(directories))];
      return Promise.all(named.map(([name, file]) => readFile(file, name)));
    },
  };
}
