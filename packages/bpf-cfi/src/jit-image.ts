// SPDX-License-Identifier: MIT
import { le32, le64, relative } from './bytes.ts';
import type { Features } from './revisions.ts';
import { clearCount, pushCount, tailCallBytes } from './tail-call.ts';
import { ENDBR_BYTES, jitPreamble, type Arity, type Scheme } from './preamble.ts';

/*
 * What the JIT makes of small programs. do_jit() and emit_prologue(), arch/x86/net/bpf_jit_comp.c.
 */

/** What a program does: enough to see that it ran, with what, and what came back. */
export type ProgramBody =
  | { readonly kind: 'constant'; readonly value: number }
  /** Returns all 64 bits of a slot of its context: an argument of a struct_ops member. */
  | { readonly kind: 'argument'; readonly index: number }
  /** Calls a subprogram of its own, which returns a constant, and returns that. */
  | { readonly kind: 'calls'; readonly value: number }
  /** Makes a tail call through the only slot of its own array, else returns a constant. */
  | { readonly kind: 'tailCall'; readonly value: number }
  /** Puts 1 into R0 so often, at least once, and returns it. */
  | { readonly kind: 'moves'; readonly count: number }
  /** Reads through the first slot without looking whether it is NULL. */
  | { readonly kind: 'dereference' };

/** What decides an image's bytes. */
export interface ImageShape {
  /** The hash in its preamble, as boot left it. */
  readonly hash: number;
  readonly arity: Arity;
  readonly body: ProgramBody;
}

/** Where things lie that images branch to. */
export interface Thunks {
  readonly returnThunk: bigint;
  /** Of the arity thunks, 32 bytes each. */
  readonly arity: bigint;
}

/** What a body refers to. */
export interface BodyLinks {
  /** bpf_func of its subprogram. */
  readonly subprogram: bigint;
  /** struct bpf_array of its tail calls. */
  readonly array: bigint;
  /** The landing of the program in it; null where it is empty. */
  readonly tail: bigint | null;
}

const NO_LINKS: BodyLinks = { subprogram: 0n, array: 0n, tail: null };

/** An image, as it lies in memory from `address` on. */
export interface JitImage {
  readonly bytes: readonly number[];
  /** From the image to the entry, as emitted. */
  readonly entry: number;
  /** From the entry to the landing of tail calls: X86_TAIL_CALL_OFFSET. */
  readonly landing: number;
  /** From the image to the five bytes that are patched: behind ENDBR64, or what stands for it. */
  readonly patchSite: number;
}

const PATCH_NOP = [0x0f, 0x1f, 0x44, 0x00, 0x00];
/** Bytes of what stands at a patch site: X86_PATCH_SIZE. */
export const PATCH_SIZE: number = PATCH_NOP.length;

/** The image of a program at an address. */
export function jitImage(
  scheme: Scheme,
  shape: ImageShape,
  address: bigint,
  thunks: Thunks,
  links: BodyLinks = NO_LINKS,
): JitImage {
  const { setup, features } = scheme;
  const preamble = jitPreamble(
    scheme,
    shape.hash,
    shape.arity,
    arityThunk(scheme, shape.arity, address, thunks),
  );
  const frame = [0x55, 0x48, 0x89, 0xe5];
  const start = [...preamble.before, ...preamble.entry];
  const makesTailCalls = shape.body.kind === 'tailCall';
  const count = clearCount(features, makesTailCalls);
  const head = [...start, ...PATCH_NOP, ...count, ...frame];
  const landing = head.length - preamble.before.length;
  const prologue = [
    ...head,
    ...(setup.ibt ? ENDBR_BYTES : []),
    ...(makesTailCalls ? pushCount(features) : []),
  ];
  const at = address + BigInt(prologue.length);
  const body = [...prologue, ...bodyBytes(shape.body, at, links, features), 0xc9];
  const end = address + BigInt(body.length);
  return {
    bytes: [...body, ...returnBytes(scheme, end, thunks)],
    entry: preamble.before.length,
    landing,
    patchSite: start.length,
  };
}

/** What a CALL or JMP is in the place of the NOP at a patch site. */
export function patchBytes(kind: 'call' | 'jmp', target: bigint, site: bigint): readonly number[] {
  return [kind === 'call' ? 0xe8 : 0xe9, ...le32(relative(target, site + BigInt(PATCH_SIZE)))];
}

/** The distance that a preamble at an address has to its arity thunk, from its own end. */
export function arityThunk({ setup }: Scheme, arity: Arity, image: bigint, thunks: Thunks): number {
  const offset = setup.padding ? 16n : 5n;
  return relative(thunks.arity + 32n * BigInt(arity), image + offset);
}

/** Constants are moved, zero is XORed. */
function constantBytes(value: number): readonly number[] {
  return value === 0 ? [0x31, 0xc0] : [0xb8, ...le32(value)];
}

/** Loads keep their 8-bit displacement even where it is 0. */
function bodyBytes(
  body: ProgramBody,
  at: bigint,
  { subprogram, array, tail }: BodyLinks,
  features: Features,
): readonly number[] {
  switch (body.kind) {
    case 'constant':
      return constantBytes(body.value);
    case 'calls':
      return [0xe8, ...le32(relative(subprogram, at + 5n))];
    case 'tailCall': {
      // BPF_REG_2: the array; BPF_REG_3: index 0.
      const operands = [0x48, 0xbe, ...le64(array), 0x31, 0xd2];
      const jump = tailCallBytes(at + BigInt(operands.length), tail, features);
      return [...operands, ...jump, ...constantBytes(body.value)];
    }
    case 'argument':
      return [0x48, 0x8b, 0x47, 8 * body.index];
    case 'moves':
      return new Array<readonly number[]>(body.count).fill([0xb8, 1, 0, 0, 0]).flat();
    case 'dereference':
      return [0x48, 0x8b, 0x7f, 0x00, 0x8b, 0x47, 0x00];
  }
}

/** emit_return(): RET, or a jump to the return thunk. */
export function returnBytes({ setup }: Scheme, at: bigint, thunks: Thunks): readonly number[] {
  if (!setup.returnThunk) return setup.sls ? [0xc3, 0xcc] : [0xc3];
  return [0xe9, ...le32(relative(thunks.returnThunk, at + 5n))];
}
