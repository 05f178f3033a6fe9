// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import { bootHash, cfiGetOffset } from './boot.ts';
import type { TargetFacts } from './checked-call.ts';
import { arityThunk, jitImage, relative, type ImageShape, type JitImage } from './jit-image.ts';
import {
  CALLS,
  FREE_BYTE,
  FUNCTIONS,
  MAP_SPACING,
  OBJECT,
  PACK,
  PROGRAM_OBJECTS,
  RETPOLINE_R11,
  TEST_RUN_IMAGE,
  TRAMPOLINES,
  type Symbol,
  type Text,
} from './kernel-text.ts';
import {
  ENDBR_BYTES,
  functionPreamble,
  hashPosition,
  prefixNops,
  type Arity,
  type Preamble,
  type Scheme,
} from './preamble.ts';
import { BPF_MAIN, BPF_SUBPROGRAM, prototype } from './prototypes.ts';
import { ENDBR64 } from './rehash.ts';
import type { Features } from './revisions.ts';
import type { Scenario } from './scenario.ts';
import type { FunctionCallee } from './operation.ts';
import type { Program, State, StructMap } from './state.ts';
import { structMembers, type StructMember, type StructName } from './struct-types.ts';
import { structOpsTrampoline, type FunctionModel, type Trampoline } from './trampoline.ts';
import { VOID } from './c/builtins.ts';
import { layoutOf } from './c/layout.ts';
import { le32, word32 } from './bytes.ts';

/*
 * A call, twice: as facts from which it is decided, and as bytes that can be executed.
 */

/** A call that is about to be made. */
export interface CallPlan {
  readonly scheme: Scheme;
  /** What the site expects; 0 where it checks nothing. */
  readonly hash: number;
  readonly target: TargetFacts;
  /** Where the branch goes, if it loads the pointer again. */
  readonly reached?: TargetFacts;
  /** What the callee returns; null where that is nothing. */
  readonly value: bigint | null;
  /** The page fault that the callee ends in, by its error code; null where it comes back. */
  readonly fault: 'null-dereference' | 'lost-return' | null;
  readonly scenario: () => Scenario;
}

/** What every function of C in the model returns. */
export const FUNCTION_VALUE = 0x600d;
const SWAPPED_VALUE = 0xbad;

/** The scheme of a booted kernel; undefined before. */
export function schemeOf({ setup, boot }: State, features: Features): Scheme | undefined {
  return boot === null ? undefined : { setup, boot, features };
}

/** The hash of a prototype in a booted kernel. */
export function siteHash({ boot, features, setup }: Scheme, source: string): number {
  return setup.cfi ? bootHash(boot, prototype(source).hash, features) : 0;
}

// --- functions of C

function sealedHash(scheme: Scheme, callee: FunctionCallee): number {
  const sealed = !callee.addressTaken && scheme.boot.mode !== 'OFF';
  return sealed ? 0 : siteHash(scheme, callee.prototype);
}

function guardOf({ boot, features }: Scheme, arity: Arity, jit: boolean): 'own' | 'arity-thunk' {
  const bhi = boot.bhi && arity > 0 && features.layout !== 'linux-6.2';
  const inline = arity === 1 && !boot.warn && !jit;
  return bhi && !inline ? 'arity-thunk' : 'own';
}

/** What lies around the entry of a function of C. */
export function functionFacts(scheme: Scheme, callee: FunctionCallee): TargetFacts {
  const { setup, boot } = scheme;
  const sealed = !callee.addressTaken && boot.mode !== 'OFF';
  const first = setup.ibt && !sealed && boot.mode !== 'FINEIBT' ? 'endbr' : 'code';
  const { arity } = prototype(callee.prototype);
  return {
    preamble: preambleFacts(scheme, sealedHash(scheme, callee), arity, sealed, false),
    skew: 0,
    outside: 'int3',
    first,
  };
}

function preambleFacts(
  scheme: Scheme,
  hash: number,
  arity: Arity,
  sealed: boolean,
  jit: boolean,
): TargetFacts['preamble'] {
  const { setup, boot, features } = scheme;
  if (!setup.cfi) return null;
  if (boot.mode === 'FINEIBT') {
    const hashDistance = features.layout === 'linux-6.18' ? 11 : 9;
    const guard = guardOf(scheme, arity, jit);
    return { scheme: 'fineibt', hash, size: 16, hashDistance, sealed, guard };
  }
  const nops = jit ? jitPrefix(scheme) : prefixNops(setup);
  return { scheme: 'kcfi', hash, size: nops + 5, hashDistance: nops + 4, sealed, guard: 'own' };
}

function jitPrefix({ setup, features }: Scheme): number {
  if (!setup.padding) return 0;
  return features.offset === 'sixteen' ? 11 : prefixNops(setup);
}

/** A function of C at a place of its own: its preamble, and a body that returns a constant. */
function functionText(
  scheme: Scheme,
  callee: FunctionCallee,
  index: number,
  value: number,
): { readonly text: Text; readonly entry: bigint; readonly symbols: readonly Symbol[] } {
  const { setup, boot } = scheme;
  const { arity } = prototype(callee.prototype);
  const sealed = !callee.addressTaken && boot.mode !== 'OFF';
  const entry = FUNCTIONS + 512n * BigInt(index) + 256n;
  const thunk = arityThunk(scheme, arity, entry - 16n, CALLS);
  const preamble: Preamble = functionPreamble(
    scheme,
    sealedHash(scheme, callee),
    arity,
    sealed,
    thunk,
  );
  const body = [...preamble.entry, 0xb8, value & 0xff, (value >> 8) & 0xff, 0, 0, 0xc3];
  const address = entry - BigInt(preamble.before.length);
  const name = index === 0 ? 'callee' : `other_${index}`;
  return {
    text: { address, bytes: [...preamble.before, ...body] },
    entry,
    symbols: [
      { name, address: entry, size: body.length },
      ...(setup.cfi ? [{ name: `__cfi_${name}`, address, size: preamble.before.length }] : []),
    ],
  };
}

/** A call of a function of C. */
export function planCall(
  scheme: Scheme,
  site: string,
  callee: FunctionCallee,
  swapped: FunctionCallee | undefined,
): CallPlan {
  const hash = siteHash(scheme, site);
  const { boot, features } = scheme;
  const checks = scheme.setup.cfi && hash !== 0 && boot.mode === 'FINEIBT' && boot.paranoid;
  const reloads = features.callUses === 'memory' && !checks;
  const reaches = swapped !== undefined && reloads;
  return {
    scheme,
    hash,
    target: functionFacts(scheme, callee),
    ...(reloads && { reached: functionFacts(scheme, swapped ?? callee) }),
    value: BigInt(reaches ? SWAPPED_VALUE : FUNCTION_VALUE),
    fault: null,
    scenario: () => {
      const made = functionText(scheme, callee, 0, FUNCTION_VALUE);
      const other = swapped && functionText(scheme, swapped, 1, SWAPPED_VALUE);
      return {
        scheme,
        hash,
        pointer: made.entry,
        texts: [made.text, ...(other === undefined ? [] : [other.text])],
        symbols: [...made.symbols, ...(other?.symbols ?? [])],
        arguments: [],
        swapped: other?.entry,
      };
    },
  };
}

// --- programs

/** cfi_bpf_hash and cfi_bpf_subprog_hash, as boot left them. */
export function bpfHash({ boot, features, setup }: Scheme, kind: Program['kind']): number {
  if (!setup.cfi) return 0;
  const subprogram = kind === 'subprogram' && features.subprogramHash === 'subprogram';
  const { hash } = prototype(subprogram ? BPF_SUBPROGRAM : BPF_MAIN);
  return features.rehashesBpf ? bootHash(boot, hash, features) : hash;
}

/** bpf_arch_text: where images lie in a pack, behind the header and a random distance. */
const IMAGE_SPACING = 1024n;
const IMAGE_START = 64n;

/** Only the context of a main program matters; subprograms have five arguments. */
function programArity(kind: Program['kind']): Arity {
  return kind === 'subprogram' ? 5 : 1;
}

function shapeOf(scheme: Scheme, program: Program): ImageShape {
  return {
    hash: bpfHash(scheme, program.kind),
    arity: programArity(program.kind),
    body: program.body,
    tailCallReachable: false,
    subprogram: program.kind === 'subprogram',
  };
}

/** The image of a program in its place. */
export function programImage(
  scheme: Scheme,
  program: Program,
): JitImage & { readonly address: bigint; readonly pointer: bigint } {
  const address = PACK + IMAGE_SPACING * BigInt(program.slot) + IMAGE_START;
  const image = jitImage(scheme, shapeOf(scheme, program), address, CALLS);
  const { setup, boot, features } = scheme;
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  return { ...image, address, pointer: address + BigInt(offset) };
}

function programText(
  scheme: Scheme,
  name: string,
  program: Program,
): { text: Text; symbols: Symbol[] } {
  const { address, bytes, pointer } = programImage(scheme, program);
  const freed = program.image === 'freed';
  const text = { address, bytes: freed ? bytes.map(() => FREE_BYTE) : bytes };
  const size = bytes.length - Number(pointer - address);
  return { text, symbols: [{ name: `bpf_prog_${name}`, address: pointer, size }] };
}

/** What lies around the entry of a program. */
function programFacts(scheme: Scheme, program: Program): TargetFacts {
  const { setup, boot, features } = scheme;
  if (program.image === 'freed') {
    return { preamble: null, skew: 0, outside: 'int3', first: 'int3' };
  }
  const checked = features.preambles && setup.cfi && boot.mode !== 'OFF';
  const hash = bpfHash(scheme, program.kind);
  const preamble = checked
    ? preambleFacts(scheme, hash, programArity(program.kind), false, true)
    : null;
  const fineibt = checked && boot.mode === 'FINEIBT';
  return { preamble, skew: 0, outside: 'int3', first: setup.ibt && !fineibt ? 'endbr' : 'code' };
}

function readsNull({ body }: Program, args: readonly bigint[]): boolean {
  return body.kind === 'dereference' && (args[0] ?? 0n) === 0n;
}

function bodyValue(program: Program, args: readonly bigint[]): bigint {
  const { body } = program;
  if (body.kind === 'constant') return BigInt(body.value >>> 0);
  if (body.kind === 'argument') return BigInt.asUintN(64, args[body.index] ?? 0n);
  return 0n;
}

/** A target, reached by the branch's own load where the revision has it so. */
function reloadable(
  { features }: Scheme,
  target: TargetFacts,
): Pick<CallPlan, 'target' | 'reached'> {
  return features.callUses === 'memory' ? { target, reached: target } : { target };
}

/** A dispatcher's call of a main program, or a helper's of a subprogram. */
export function planProgram(scheme: Scheme, name: string, program: Program): CallPlan {
  const { features } = scheme;
  const main = program.kind !== 'subprogram';
  const checked = !main || features.dispatcherChecked;
  const hash = checked ? siteHash(scheme, main ? BPF_MAIN : BPF_SUBPROGRAM) : 0;
  return {
    scheme,
    hash,
    ...reloadable(scheme, programFacts(scheme, program)),
    value: BigInt(program.body.kind === 'constant' ? program.body.value >>> 0 : 0),
    fault: null,
    scenario: () => {
      const { text, symbols } = programText(scheme, name, program);
      const { pointer } = programImage(scheme, program);
      const args = [OBJECT, OBJECT];
      return { scheme, hash, pointer, texts: [text], symbols, arguments: args, swapped: undefined };
    },
  };
}

/**
 * A jump from one program into another. It lands behind the frame, on an ENDBR64 of its own, so
 * that there is no hash to check; at the entry a second frame would be made, and its return address
 * lost.
 */
export function planTailCall(scheme: Scheme, name: string, program: Program): CallPlan {
  const { setup, features } = scheme;
  const toEntry = features.tailCallTarget === 'entry';
  const facts = programFacts(scheme, program);
  const landing = setup.ibt && program.image !== 'freed' ? 'endbr' : facts.first;
  return {
    scheme,
    hash: 0,
    target: { ...facts, first: toEntry ? facts.first : landing },
    value: BigInt(program.body.kind === 'constant' ? program.body.value >>> 0 : 0),
    fault: toEntry ? 'lost-return' : null,
    scenario: () => {
      const { text, symbols } = programText(scheme, name, program);
      const { pointer, landing: distance } = programImage(scheme, program);
      const target = toEntry ? pointer : pointer + BigInt(distance);
      return {
        scheme,
        hash: 0,
        pointer: FUNCTIONS,
        texts: [tailCaller(scheme), text],
        symbols: [{ name: 'bpf_prog_caller', address: FUNCTIONS, size: 32 }, ...symbols],
        // RCX holds the target of the jump.
        arguments: [OBJECT, 0n, 0n, target],
        swapped: undefined,
      };
    },
  };
}

/** What a program does before it jumps: emit_bpf_tail_call_indirect(), as far as the frame goes. */
function tailCaller({ setup }: Scheme): Text {
  const frame = [...(setup.ibt ? ENDBR_BYTES : []), 0x55, 0x48, 0x89, 0xe5];
  if (!setup.retpoline) return { address: FUNCTIONS, bytes: [...frame, 0xff, 0xe1] };
  const move = [...frame, 0x49, 0x89, 0xcb];
  const distance = relative(RETPOLINE_R11, FUNCTIONS + BigInt(move.length + 5));
  return { address: FUNCTIONS, bytes: [...move, 0xe9, ...le32(distance)] };
}

// --- struct_ops

/** A member's model in BTF. */
export function functionModel(member: StructMember): FunctionModel {
  const { parameters, returns } = prototype(member.prototype ?? 'void f(void)');
  return {
    returnSize: returns === VOID ? 0 : (layoutOf(returns)?.size ?? 0),
    arguments: parameters.map((type) => ({
      size: layoutOf(type)?.size ?? 8,
      aggregate: type.kind === 'tag' && type.tag !== 'enum',
    })),
  };
}

/** cfi_get_func_hash() of a stub: 4 bytes in front of it, or 0 where they cannot be read. */
export function stubHash(scheme: Scheme, stub: string | undefined): number {
  const { setup, boot, features } = scheme;
  if (!setup.cfi || boot.mode === 'OFF' || stub === undefined) return 0;
  const callee = { prototype: stub, addressTaken: !features.sealsStubs };
  const { text, entry } = functionText(scheme, callee, 0, FUNCTION_VALUE);
  const bytes = Uint8Array.from(text.bytes);
  const at = Number(entry - text.address) + hashPosition(scheme);
  // What lies in front of the preamble is another function's padding.
  return word32(bytes, at) ?? 0xcccc_cccc;
}

/**
 * cfi_get_func_arity() of a stub: 0 but with FineIBT and BHI, where the preamble calls the thunk of
 * its arity. arch/x86/kernel/alternative.c, Linux 6.15; what it decodes without the guard has no
 * meaning.
 */
export function stubArity(scheme: Scheme, stub: string | undefined): number {
  const { boot, features } = scheme;
  if (boot.mode !== 'FINEIBT' || features.layout === 'linux-6.2' || stub === undefined) return 0;
  if (boot.bhi) return prototype(stub).arity;
  return features.arityGuard === 'or' ? 0 : thunkIndexBefore(scheme, stub);
}

/** The four bytes before a function, taken for the distance of a call to an arity thunk. */
function thunkIndexBefore(scheme: Scheme, stub: string): number {
  const callee = { prototype: stub, addressTaken: true };
  const { text, entry } = functionText(scheme, callee, 0, FUNCTION_VALUE);
  const bytes = Uint8Array.from(text.bytes);
  const distance = word32(bytes, Number(entry - text.address) - 4) ?? 0;
  return Number((entry + BigInt(distance | 0) - CALLS.arity) / 32n);
}

/** The arity that a trampoline's preamble is emitted with: nobody uses it where there is no BHI. */
function preambleArity(scheme: Scheme, stub: string | undefined): Arity {
  return scheme.boot.bhi && stub !== undefined && stubArity(scheme, stub) > 0
    ? prototype(stub).arity
    : 0;
}

/** The stub that a trampoline takes its hash from. */
function stubOf(
  scheme: Scheme,
  struct: StructName,
  member: StructMember,
  testRun: boolean,
): string | undefined {
  const { features } = scheme;
  if (features.dummyStub === 'none') return undefined;
  if (!testRun || struct !== 'bpf_dummy_ops' || features.dummyStub === 'member') return member.stub;
  return features.dummyStub === 'variadic'
    ? 'int bpf_dummy_test_stub(struct bpf_dummy_ops_state *, ...)'
    : undefined;
}

/**
 * Where the trampoline of a member lies. The kernel packs those of a map behind each other; here
 * each has a page of its own, so that what lies in front of it is the same for all.
 */
export function trampolineAddress(
  map: Pick<StructMap, 'struct' | 'slot'>,
  member: string,
  features: Features,
): bigint {
  const index = structMembers(map.struct, features).findIndex(({ name }) => name === member);
  return TRAMPOLINES + BigInt(MAP_SPACING * map.slot + 2 * PAGE_SIZE * index);
}

/** A trampoline in its place. */
export interface PlacedTrampoline {
  readonly trampoline: Trampoline;
  readonly address: bigint;
  /** What the ops table holds. */
  readonly pointer: bigint;
  readonly hash: number;
}

/** Builds a member's trampoline; undefined where it has too many arguments. */
export function placeTrampoline(
  scheme: Scheme,
  struct: StructName,
  member: StructMember,
  program: Program,
  address: bigint,
  testRun: boolean,
): PlacedTrampoline | undefined {
  const stub = stubOf(scheme, struct, member, testRun);
  const hash = stubHash(scheme, stub);
  const shape = {
    model: functionModel(member),
    hash,
    arity: preambleArity(scheme, stub),
    program: PROGRAM_OBJECTS + 256n * BigInt(program.slot),
    entry: programImage(scheme, program).pointer,
  };
  const trampoline = structOpsTrampoline(scheme, shape, address, CALLS);
  return trampoline && { trampoline, address, pointer: pointerOf(scheme, address), hash };
}

function pointerOf(scheme: Scheme, address: bigint): bigint {
  const { setup, boot, features } = scheme;
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  return features.storedPointer === 'image' ? address : address + BigInt(offset);
}

/** What lies around the pointer of a trampoline: the first of its page, or one behind another. */
function trampolineFacts(scheme: Scheme, placed: PlacedTrampoline, arity: Arity): TargetFacts {
  const { setup, boot, features } = scheme;
  const checked = features.preambles && setup.cfi && boot.mode !== 'OFF';
  const preamble = checked ? preambleFacts(scheme, placed.hash, arity, false, true) : null;
  const skew = Number(placed.pointer - placed.address) - placed.trampoline.entry;
  const start = word32(
    Uint8Array.from(placed.trampoline.bytes),
    Number(placed.pointer - placed.address),
  );
  const first = start === ENDBR64 ? 'endbr' : 'code';
  return { preamble, skew, outside: 'unmapped', first: setup.ibt ? first : 'code' };
}

/** A call through a trampoline. */
export function planTrampoline(
  scheme: Scheme,
  call: {
    readonly site: string;
    readonly struct: StructName;
    readonly member: StructMember;
    readonly name: string;
    readonly program: Program;
    readonly arguments: readonly bigint[];
    readonly testRun: boolean;
    readonly slot: number;
  },
): CallPlan | undefined {
  const { member, program, struct, testRun } = call;
  const address = testRun ? TEST_RUN_IMAGE : trampolineAddress(call, member.name, scheme.features);
  const placed = placeTrampoline(scheme, struct, member, program, address, testRun);
  if (placed === undefined) return undefined;
  const hash = siteHash(scheme, call.site);
  const stub = stubOf(scheme, struct, member, testRun);
  const returnsNothing = functionModel(member).returnSize === 0;
  return {
    scheme,
    hash,
    ...reloadable(scheme, trampolineFacts(scheme, placed, preambleArity(scheme, stub))),
    value: returnsNothing ? null : bodyValue(program, call.arguments),
    fault: readsNull(program, call.arguments) ? 'null-dereference' : null,
    scenario: () => {
      const image = programText(scheme, call.name, program);
      const { bytes } = placed.trampoline;
      return {
        scheme,
        hash,
        pointer: placed.pointer,
        texts: [{ address, bytes }, image.text],
        symbols: [
          { name: `bpf__${struct}_${member.name}`, address, size: bytes.length },
          ...image.symbols,
        ],
        arguments: call.arguments,
        swapped: undefined,
      };
    },
  };
}
