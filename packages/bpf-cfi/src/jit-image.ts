// SPDX-License-Identifier: MIT
import { le32 } from './bytes.ts';
import { ENDBR_BYTES, jitPreamble, type Arity, type Scheme } from './preamble.ts';

/*
 * What the JIT makes of small programs. do_jit() and emit_prologue(), arch/x86/net/bpf_jit_comp.c.
 */

/** What a program does: enough to see that it ran, with what, and what came back. */
export type ProgramBody =
  | { readonly kind: 'constant'; readonly value: number }
  /** Returns all 64 bits of a slot of its context: an argument of a struct_ops member. */
  | { readonly kind: 'argument'; readonly index: number }
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
/** Where a program that makes tail calls would clear their count: RAX, or EAX before Linux 6.12. */
const NO_TAIL_CALLS = { value: [0x66, 0x90], pointer: [0x0f, 0x1f, 0x00] } as const;

/** The image of a program at an address. */
export function jitImage(
  scheme: Scheme,
  shape: ImageShape,
  address: bigint,
  thunks: Thunks,
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
  const head = [...start, ...PATCH_NOP, ...NO_TAIL_CALLS[features.tailCallCount], ...frame];
  const landing = head.length - preamble.before.length;
  const body = [...head, ...(setup.ibt ? ENDBR_BYTES : []), ...bodyBytes(shape.body), 0xc9];
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

/** Constants are moved, zero is XORed; loads keep their 8-bit displacement even where it is 0. */
function bodyBytes(body: ProgramBody): readonly number[] {
  switch (body.kind) {
    case 'constant':
      return body.value === 0 ? [0x31, 0xc0] : [0xb8, ...le32(body.value)];
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

/** A 32-bit distance. */
export function relative(target: bigint, from: bigint): number {
  return Number(BigInt.asIntN(32, target - from));
}
