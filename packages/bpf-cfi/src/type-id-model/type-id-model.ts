// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  formatHex,
  resolveRevisions,
  type Codec,
  type Decoder,
  type Invariant,
  type Json,
  type Model,
  type Revision,
  type RevisionId,
  type Rule,
  type Step,
} from '@kernel-models/model-core';
import { CSyntaxError } from '../c/syntax-error.ts';
import { le32, repeated, toHex } from '../bytes.ts';
import { kcfiTypeIds, type TypeIdOptions } from '../type-id/type-id.ts';
import { declarationOf, preludeOf, type TypeSpec } from './type-spec.ts';

/*
 * The compiler's half as a model of its own: what clang makes of a function type. There is no
 * state; a setup is a command line.
 */

/** A compiler and its options. */
export interface CompilerSetup {
  readonly compiler: 'clang-16' | 'clang-19';
  /** -fsanitize-cfi-icall-experimental-normalize-integers; clang 19 only. */
  readonly normalizeIntegers: boolean;
  /** -funsigned-char. */
  readonly unsignedChar: boolean;
  /** -fcf-protection=branch. */
  readonly branchProtection: boolean;
  /** -fpatchable-function-entry=N,N. */
  readonly prefixNops: number;
}

/** What a compiler is given. */
export type CompilerOperation =
  /** A function type: what is its id? */
  | { readonly op: 'hash'; readonly type: TypeSpec }
  /** A piece of C: what are the ids of the functions that it declares? */
  | { readonly op: 'source'; readonly source: string }
  /** A function of a type: what stands between `__cfi_F` and its body? */
  | { readonly op: 'preamble'; readonly type: TypeSpec }
  /** A call through a pointer to a type: what is the check? */
  | { readonly op: 'callSite'; readonly type: TypeSpec };

/** What comes out of it. */
export type CompilerOutcome =
  | { readonly kind: 'type-id'; readonly id: number }
  | { readonly kind: 'type-ids'; readonly ids: Readonly<Record<string, number>> }
  | { readonly kind: 'bytes'; readonly bytes: string }
  /** It is no C, or not the type of a function. */
  | { readonly kind: 'rejected' };

/** In what the revisions differ. */
export interface CompilerFeatures {
  /** A return type keeps its qualifiers, as clang has it and C17 6.7.6.3 does not. */
  readonly returnQualifiers: boolean;
}

const REVISION_TABLE: readonly Revision<CompilerFeatures>[] = [
  {
    id: 'linux-6.12',
    source: 'clang 16.0.6 and 19.1.7, -fsanitize=kcfi, as they build Linux 6.1 to 6.18',
    date: '2024-11-17',
    features: { returnQualifiers: true },
  },
  {
    id: 'bug:return-qualifiers-dropped',
    base: 'linux-6.12',
    features: { returnQualifiers: false },
    story: 'The return type loses its qualifiers, as the C standard has it and clang does not.',
    caughtBy: ['type-id.reference'],
  },
];

const featuresOf = resolveRevisions('bpf-cfi.type-id', REVISION_TABLE);

const RULES: readonly Rule[] = [
  {
    id: 'type-id.hashed',
    sentence: 'The id is the low half of the xxHash64 of the type’s mangled name.',
    origin: 'CodeGenModule::CreateKCFITypeId(), clang/lib/CodeGen/CodeGenModule.cpp, LLVM 19',
  },
  {
    id: 'type-id.preamble',
    sentence: 'The id stands in a MOV to EAX before the NOPs in front of a function.',
    origin: 'X86AsmPrinter::emitKCFITypeId(), llvm/lib/Target/X86/X86AsmPrinter.cpp, LLVM 19',
  },
  {
    id: 'type-id.call-site',
    sentence: 'A call adds the id in front of its target to the negative of its own.',
    origin: 'X86AsmPrinter::LowerKCFI_CHECK(), llvm/lib/Target/X86/X86MCInstLower.cpp, LLVM 19',
  },
  {
    id: 'type-id.unchecked',
    sentence: 'A call through a type without a prototype is not checked.',
    origin: 'CodeGenFunction::EmitCall(), clang/lib/CodeGen/CGExpr.cpp, LLVM 19',
  },
  {
    id: 'type-id.rejected',
    sentence: 'The source is C and declares the type of a function.',
    origin: 'ISO/IEC 9899:2018, 6.7',
  },
];

type CompilerStep = Step<CompilerSetup, CompilerOutcome>;

const NO_TRAIL: readonly [] = Object.freeze([]);

function answer(state: CompilerSetup, outcome: CompilerOutcome, rule: string): CompilerStep {
  return { state, outcome, rule: `type-id.${rule}`, trail: NO_TRAIL };
}

/** The options of a command line. */
export function optionsOf(setup: CompilerSetup, features: CompilerFeatures): TypeIdOptions {
  return {
    normalizeIntegers: setup.normalizeIntegers,
    unsignedChar: setup.unsignedChar,
    branchProtection: setup.branchProtection,
    bf16: setup.compiler === 'clang-16' ? 'u6__bf16' : 'DF16b',
    returnQualifiers: features.returnQualifiers,
  };
}

function apply(
  state: CompilerSetup,
  operation: CompilerOperation,
  revision: RevisionId,
): CompilerStep {
  const options = optionsOf(state, featuresOf(revision));
  try {
    if (operation.op === 'source') {
      const ids = kcfiTypeIds(operation.source, options).filter(({ kind }) => kind === 'function');
      const table = Object.fromEntries(ids.map(({ name, id }) => [name, id]));
      return answer(state, { kind: 'type-ids', ids: table }, 'hashed');
    }
    return applyToType(state, operation, options);
  } catch (error) {
    if (!(error instanceof CSyntaxError)) throw error;
    return answer(state, { kind: 'rejected' }, 'rejected');
  }
}

function applyToType(
  state: CompilerSetup,
  { op, type }: Exclude<CompilerOperation, { op: 'source' }>,
  options: TypeIdOptions,
): CompilerStep {
  const source = `${preludeOf([type])}\n${declarationOf(type, 'f')};`;
  const hashed = kcfiTypeIds(source, options).find(({ name }) => name === 'f');
  if (hashed?.kind !== 'function') return answer(state, { kind: 'rejected' }, 'rejected');
  const { id, checked } = hashed;
  if (op === 'hash') return answer(state, { kind: 'type-id', id }, 'hashed');
  if (op === 'preamble') {
    return answer(state, { kind: 'bytes', bytes: preambleBytes(state, id) }, 'preamble');
  }
  if (!checked) return answer(state, { kind: 'bytes', bytes: '' }, 'unchecked');
  return answer(state, { kind: 'bytes', bytes: checkBytes(state, id) }, 'call-site');
}

/** NOPs before the MOV keep the function aligned to 16 bytes. */
function preambleBytes({ prefixNops, branchProtection }: CompilerSetup, id: number): string {
  const filler = (16 - ((5 + prefixNops) % 16)) % 16;
  const endbr = branchProtection ? [0xf3, 0x0f, 0x1e, 0xfa] : [];
  return toHex([
    ...repeated(0x90, filler),
    ...[0xb8, ...le32(id)],
    ...[...repeated(0x90, prefixNops), ...endbr],
  ]);
}

/** With retpolines the target is always in R11. */
function checkBytes({ prefixNops }: CompilerSetup, id: number): string {
  const displacement = -(prefixNops + 4) & 0xff;
  return toHex([
    ...[0x41, 0xba, ...le32(-id)],
    ...[0x45, 0x03, 0x53, displacement],
    ...[0x74, 0x02, 0x0f, 0x0b],
  ]);
}

const { array, boolean, hex, integer, object, oneOf, record, string, union } = decode;
const u32: Decoder<number> = (json, field) => Number(hex(0n, 0xffff_ffffn)(json, field));

/** At most as deep as a reader of C allows brackets to be. */
const MAX_DEPTH = 64;

function typeDecoder(depth: number): Decoder<TypeSpec> {
  return (json, field) => {
    if (depth === 0) throw new DecodeError(field, `at most ${MAX_DEPTH} levels`, json);
    const inner = typeDecoder(depth - 1);
    const tag = oneOf(['struct', 'union', 'enum']);
    return union('kind', {
      builtin: { name: word(/^[a-zA-Z0-9_ ()]+$/) },
      tag: { tag, name: word(/^[A-Za-z_][A-Za-z0-9_]*$/) },
      typedef: { tag, name: word(/^[A-Za-z_][A-Za-z0-9_]*$/) },
      pointer: { to: inner },
      qualified: { qualifiers: array(oneOf(['const', 'volatile', 'restrict'])), type: inner },
      array: {
        bound: (value: Json | undefined, at: string): number | null =>
          value === null ? null : integer(0, 0x7fff_ffff)(value, at),
        element: inner,
      },
      function: {
        returns: inner,
        parameters: (value: Json | undefined, at: string): readonly TypeSpec[] | null =>
          value === null ? null : array(inner)(value, at),
        variadic: boolean,
      },
      vector: { bytes: integer(1, 4096), element: inner },
      atomic: { type: inner },
    })(json, field);
  };
}

function word(pattern: RegExp): Decoder<string> {
  return (json, field) => {
    const text = string(json, field);
    if (!pattern.test(text)) throw new DecodeError(field, `text like ${pattern.source}`, json);
    return text;
  };
}

const type = typeDecoder(MAX_DEPTH);

const codec: Codec<CompilerSetup, CompilerOperation, CompilerOutcome> = {
  decodeSetup: (json) =>
    object({
      compiler: oneOf(['clang-16', 'clang-19']),
      normalizeIntegers: boolean,
      unsignedChar: boolean,
      branchProtection: boolean,
      prefixNops: integer(0, 123),
    })(json, 'setup'),
  encodeSetup: (setup) => ({ ...setup }),
  decodeOperation: (json) =>
    union('op', {
      hash: { type },
      source: { source: string },
      preamble: { type },
      callSite: { type },
    })(json, 'operation'),
  encodeOperation: (operation) => operation as unknown as Json,
  decodeOutcome: (json) =>
    union('kind', {
      'type-id': { id: u32 },
      'type-ids': { ids: record(u32) },
      bytes: { bytes: word(/^(?:[0-9a-f]{2})*$/) },
      rejected: {},
    })(json, 'outcome'),
  encodeOutcome(outcome) {
    switch (outcome.kind) {
      case 'type-id':
        return { kind: 'type-id', id: hexId(outcome.id) };
      case 'type-ids': {
        const ids = Object.entries(outcome.ids).map(([name, id]) => [name, hexId(id)]);
        return { kind: 'type-ids', ids: Object.fromEntries(ids) as Record<string, string> };
      }
      default:
        return { ...outcome };
    }
  },
};

function hexId(id: number): string {
  return formatHex(BigInt(id));
}

const stateless: Invariant<CompilerSetup, CompilerOperation, CompilerOutcome> = {
  id: 'type-id.state-is-the-command-line',
  sentence: 'Nothing that is compiled changes what is compiled next.',
  holds: ({ before, step }) => before === step.state,
};

/** The kCFI type ids, preambles and call sites that clang emits. */
export const typeIdModel: Model<CompilerSetup, CompilerOperation, CompilerOutcome, CompilerSetup> =
  {
    name: 'bpf-cfi.type-id',
    revisions: REVISION_TABLE,
    rules: RULES,
    codec,
    initial: (setup) => setup,
    apply,
    invariants: [stateless],
  };
