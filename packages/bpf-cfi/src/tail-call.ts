// SPDX-License-Identifier: MIT
import { le32, relative } from './bytes.ts';
import type { Features } from './revisions.ts';

/*
 * Tail calls: how they are counted, and the jump that is patched where the array and the index are
 * known. emit_prologue_tail_call() and emit_bpf_tail_call_direct(), arch/x86/net/bpf_jit_comp.c.
 *
 * Since Linux 6.12 a main program keeps the count on its stack, and RAX passes where it stands; RAX
 * holds the count itself only on the way into a main program. Before, EAX passes the count.
 */

/** How many tail calls may follow each other. */
export const MAX_TAIL_CALL_CNT = 33;

/** Behind the patch site: a main program that makes tail calls has made none; others have a NOP. */
export function clearCount(
  { tailCallCount }: Features,
  makesTailCalls: boolean,
): readonly number[] {
  if (tailCallCount === 'pointer') return makesTailCalls ? [0x48, 0x31, 0xc0] : [0x0f, 0x1f, 0x00];
  return makesTailCalls ? [0x31, 0xc0] : [0x66, 0x90];
}

/** CMP RAX, 33; JA +6; PUSH RAX; MOV RAX, RSP; JMP +1; PUSH RAX; PUSH RAX. */
const PUSH_COUNT_AND_POINTER = [
  ...[0x48, 0x83, 0xf8, MAX_TAIL_CALL_CNT, 0x77, 0x06, 0x50],
  ...[0x48, 0x89, 0xe0, 0xeb, 0x01, 0x50, 0x50],
];

/** Behind the landing: the count goes onto the stack. */
export function pushCount({ tailCallCount }: Features): readonly number[] {
  return tailCallCount === 'pointer' ? PUSH_COUNT_AND_POINTER : [0x50];
}

/** RBP - 16: the pointer to the count; RBP - 4: the count, in the upper half of what was pushed. */
const POINTER_SLOT = le32(-16);
const COUNT_SLOT = le32(-4);

interface Parts {
  /** Up to the JAE that leaves where there were too many. */
  readonly compare: readonly number[];
  /** Counting, where that comes before the jump around. */
  readonly early: readonly number[];
  /** Counting behind it, and taking off the stack what the prologue put there. */
  readonly late: readonly number[];
}

const PARTS: Readonly<Record<Features['tailCallCount'], Parts>> = {
  pointer: {
    compare: [0x48, 0x8b, 0x85, ...POINTER_SLOT, 0x48, 0x83, 0x38, MAX_TAIL_CALL_CNT],
    early: [],
    late: [0x48, 0x83, 0x00, 0x01, 0x58, 0x58],
  },
  value: {
    compare: [0x8b, 0x85, ...COUNT_SLOT, 0x83, 0xf8, MAX_TAIL_CALL_CNT],
    early: [0x83, 0xc0, 0x01, 0x89, 0x85, ...COUNT_SLOT],
    late: [0x58],
  },
};

const NOP5 = [0x0f, 0x1f, 0x44, 0x00, 0x00];

/**
 * A tail call through a slot that is known: an empty one is jumped around, and the jump around is
 * patched away while there is a program in it.
 *
 * @param at where it lies
 * @param landing where the program in the slot is entered
 */
export function tailCallBytes(
  at: bigint,
  landing: bigint | null,
  { tailCallCount }: Features,
): readonly number[] {
  const { compare, early, late } = PARTS[tailCallCount];
  const jump = 5;
  const rest = late.length + jump;
  const head = [...compare, 0x73, early.length + jump + rest, ...early];
  const around = landing === null ? [0xe9, ...le32(rest)] : NOP5;
  const end = at + BigInt(head.length + jump + rest);
  const target = landing === null ? NOP5 : [0xe9, ...le32(relative(landing, end))];
  return [...head, ...around, ...late, ...target];
}
