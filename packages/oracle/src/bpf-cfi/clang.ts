// SPDX-License-Identifier: MIT
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  declarationOf,
  kcfiTypeIds,
  preludeOf,
  toHex,
  type CompilerOperation,
  type CompilerOutcome,
  type CompilerSetup,
  type TypeSpec,
} from '@kernel-models/bpf-cfi';
import { TargetError, type Answer, type Availability, type Case, type Target } from '../target.ts';
import { readObject, SHN_ABS, type ObjectFile, type ObjectSymbol } from './elf-object.ts';

/*
 * clang -fsanitize=kcfi: what it puts into object files. Only names and bytes of the objects are
 * read;
 * nothing that was compiled is ever run.
 */

const run = promisify(execFile);

const COMPILERS = ['clang-16', 'clang-19'] as const;

/**
 * How many functions are compiled at once: a start of clang costs as much as some hundred of them.
 */
const BATCH = 200;

type Compile = Case<CompilerSetup, CompilerOperation>;

/** clang, of the versions that are installed. */
export function clangTarget(): Target<CompilerSetup, CompilerOperation, CompilerOutcome> {
  const versions = new Map<string, string>();
  return {
    name: 'clang',
    models: ['bpf-cfi.type-id'],
    touches: 'compiles C to object files in a temporary folder; runs none of it',
    async available(): Promise<Availability> {
      for (const compiler of COMPILERS) {
        const version = await versionOf(compiler);
        if (version !== undefined) versions.set(compiler, version);
      }
      if (versions.size === 0) return { ok: false, skip: `${COMPILERS.join(' or ')} in PATH` };
      const kernel = [...versions.values()].join(', ');
      return {
        ok: true,
        source: {
          kind: 'compiler',
          kernel,
          config: '-fsanitize=kcfi',
          cpu: 'x86-64',
          tool: 'clang',
        },
        revision: 'linux-6.12',
      };
    },
    async *run(setup, operations) {
      for await (const answer of compileAll([{ setup, operations }], versions)) {
        yield* answer.outcomes;
        if (answer.failure !== undefined) throw new TargetError(answer.failure);
        if (answer.lacks !== undefined) throw new TargetError(answer.lacks);
      }
    },
    runBatch: (cases) => compileAll([...cases], versions),
    close: async () => undefined,
  };
}

async function versionOf(compiler: string): Promise<string | undefined> {
  try {
    const { stdout } = await run(compiler, ['--version']);
    return `clang ${/version ([0-9.]+)/.exec(stdout)?.[1] ?? 'of an unknown version'}`;
  } catch {
    return undefined;
  }
}

async function* compileAll(
  cases: readonly Compile[],
  versions: ReadonlyMap<string, string>,
): AsyncIterable<Answer<CompilerOutcome>> {
  const folder = await mkdtemp(join(tmpdir(), 'kernel-oracle-clang-'));
  try {
    for (let start = 0; start < cases.length;) {
      const group = sameSetup(cases, start);
      start += group.length;
      const { compiler } = group[0]?.setup ?? { compiler: 'clang-19' };
      if (!versions.has(compiler)) {
        yield* group.map(() => ({ outcomes: [], lacks: `${compiler} in PATH` }));
        continue;
      }
      yield* await compileGroup(group, folder);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Cases from `start` on that one command line can compile. */
function sameSetup(cases: readonly Compile[], start: number): readonly Compile[] {
  const setup = JSON.stringify(cases[start]?.setup);
  let end = start;
  let count = 0;
  while (end < cases.length && JSON.stringify(cases[end]?.setup) === setup && count < BATCH) {
    count += cases[end]?.operations.length ?? 0;
    end += 1;
  }
  return cases.slice(start, end);
}

/** All in one file; if clang refuses it, one file each, so that the rejected ones are known. */
async function compileGroup(
  group: readonly Compile[],
  folder: string,
): Promise<readonly Answer<CompilerOutcome>[]> {
  const setup = group[0]?.setup;
  if (setup === undefined) return [];
  const all = group.flatMap(({ operations }) => operations);
  const apart = all.some(({ op }) => op === 'source') && all.length > 1;
  const together = apart ? undefined : await compileTogether(setup, all, folder);
  const outcomes = together ?? (await compileApart(setup, all, folder));
  let at = 0;
  return group.map(({ operations }) => {
    const own = outcomes.slice(at, at + operations.length);
    at += operations.length;
    return { outcomes: own };
  });
}

async function compileApart(
  setup: CompilerSetup,
  operations: readonly CompilerOperation[],
  folder: string,
): Promise<readonly CompilerOutcome[]> {
  const outcomes: CompilerOutcome[] = [];
  for (const operation of operations) {
    const [outcome] = (await compileTogether(setup, [operation], folder)) ?? [];
    outcomes.push(outcome ?? { kind: 'rejected' });
  }
  return outcomes;
}

/** Undefined where clang refuses the file. */
async function compileTogether(
  setup: CompilerSetup,
  operations: readonly CompilerOperation[],
  folder: string,
): Promise<readonly CompilerOutcome[] | undefined> {
  const pieces = operations.map((operation, index) => sourceOf(operation, index));
  const types = operations.flatMap((operation) => ('type' in operation ? [operation.type] : []));
  const names = pieces.flatMap(({ references }) => references);
  const source = [
    preludeOf(types),
    ...pieces.map(({ source: text }) => text),
    `const void *const references[] __attribute__((used)) = { ${names.map((name) => `(void *)${name}`).join(', ')} };`,
  ].join('\n');
  const [input, output] = [join(folder, 'types.c'), join(folder, 'types.o')];
  await writeFile(input, source);
  try {
    await run(setup.compiler, [...argumentsOf(setup), '-o', output, input]);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw new TargetError(`${setup.compiler}: did not end as a compiler does`, { cause: error });
  }
  const object = readObject(await readFile(output));
  return operations.map((operation, index) => outcomeOf(setup, operation, index, object));
}

function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 1;
}

/** The kernel's own options, as far as they matter. */
function argumentsOf(setup: CompilerSetup): readonly string[] {
  const { normalizeIntegers, unsignedChar, branchProtection, prefixNops } = setup;
  return [
    ...['-c', '-w', '-O2', '-fsanitize=kcfi', '-mretpoline-external-thunk'],
    ...(normalizeIntegers ? ['-fsanitize-cfi-icall-experimental-normalize-integers'] : []),
    ...(unsignedChar ? ['-funsigned-char'] : []),
    ...(branchProtection ? ['-fcf-protection=branch'] : []),
    ...(prefixNops > 0 ? [`-fpatchable-function-entry=${prefixNops},${prefixNops}`] : []),
  ];
}

interface Piece {
  readonly source: string;
  /** Functions whose address must be taken for their ids to be emitted. */
  readonly references: readonly string[];
}

function sourceOf(operation: CompilerOperation, index: number): Piece {
  const name = `f${index}`;
  switch (operation.op) {
    case 'hash':
      return { source: `${declarationOf(operation.type, name)};`, references: [name] };
    case 'preamble': {
      const source = `${definitionOf(operation.type, name)} { __builtin_trap(); }`;
      return { source, references: [name] };
    }
    case 'callSite':
      return { source: callerOf(operation.type, name), references: [] };
    case 'source': {
      const names = kcfiTypeIds(operation.source)
        .filter(({ kind }) => kind === 'function')
        .map(({ name: declared }) => declared);
      return { source: operation.source, references: names };
    }
  }
}

/** A function definition: its parameters have names. */
function definitionOf(type: TypeSpec, name: string): string {
  if (type.kind !== 'function') return declarationOf(type, name);
  const { parameters, returns, variadic } = type;
  const list = (parameters ?? []).map((parameter, index) => declarationOf(parameter, `p${index}`));
  const all = [...list, ...(variadic ? ['...'] : [])].join(', ');
  return declarationOf(returns, `${name}(${parameters !== null && all === '' ? 'void' : all})`);
}

/** A function that calls through a pointer, with arguments that it is given. */
function callerOf(type: TypeSpec, name: string): string {
  if (type.kind !== 'function') return declarationOf(type, name);
  const list = (type.parameters ?? []).map((parameter, index) =>
    declarationOf(parameter, `p${index}`),
  );
  const pointer = declarationOf({ kind: 'pointer', to: type }, 'target');
  const args = list.map((_, index) => `p${index}`).join(', ');
  return `void ${name}(${[pointer, ...list].join(', ')}) { target(${args}); __asm__ volatile(""); }`;
}

function outcomeOf(
  setup: CompilerSetup,
  operation: CompilerOperation,
  index: number,
  object: ObjectFile,
): CompilerOutcome {
  const name = `f${index}`;
  switch (operation.op) {
    case 'hash':
      return { kind: 'type-id', id: typeIdOf(object, name, setup) };
    case 'preamble':
      return { kind: 'bytes', bytes: toHex(preambleOf(object, name, setup)) };
    case 'callSite':
      return { kind: 'bytes', bytes: toHex(checkOf(object, name)) };
    case 'source': {
      const names = sourceOf(operation, index).references;
      const ids = names.map((one) => [one, typeIdOf(object, one, setup)] as const);
      return { kind: 'type-ids', ids: Object.fromEntries(ids) };
    }
  }
}

/** An address-taken declaration has an absolute symbol; a definition has its id in front of it. */
function typeIdOf(object: ObjectFile, name: string, { prefixNops }: CompilerSetup): number {
  const declared = object.symbols.get(`__kcfi_typeid_${name}`);
  if (declared?.section === SHN_ABS) return declared.value >>> 0;
  const defined = symbol(object, name);
  const bytes = object.section(defined.section);
  const at = defined.value - prefixNops - 4;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

function symbol(object: ObjectFile, name: string): ObjectSymbol {
  const found = object.symbols.get(name);
  if (found === undefined) throw new TargetError(`clang: expected symbol ${name} in the object`);
  return found;
}

function preambleOf(
  object: ObjectFile,
  name: string,
  { branchProtection }: CompilerSetup,
): Uint8Array {
  const start = symbol(object, `__cfi_${name}`);
  const end = symbol(object, name);
  const body = branchProtection ? 4 : 0;
  return object.section(end.section).subarray(start.value, end.value + body);
}

const CHECK_SIZE = 14;

/** The 14 bytes that end in UD2, if the function has them. */
function checkOf(object: ObjectFile, name: string): Uint8Array {
  const { value, section, size } = symbol(object, name);
  const bytes = object.section(section);
  for (let at = value; at + CHECK_SIZE <= value + size; at += 1) {
    const moves = bytes[at] === 0x41 && bytes[at + 1] === 0xba && bytes[at + 7] === 0x03;
    const traps = bytes[at + 12] === 0x0f && bytes[at + 13] === 0x0b;
    if (moves && traps) return bytes.subarray(at, at + CHECK_SIZE);
  }
  return new Uint8Array();
}
