// SPDX-License-Identifier: MIT
import { hasFlag } from './flags.ts';
import type { SlotPlace } from './function-model.ts';

/** sizeof(struct bpf_tramp_run_ctx), rounded to 8. */
const RUN_CTX_SIZE = 16;

/** What a trampoline has below RBP: distances from there, in bytes. */
export interface Frame {
  /** What is taken from RSP, behind the saved RBP. */
  readonly size: number;
  /** The slot right below RBP keeps a return value. */
  readonly saves: boolean;
  /** The first argument: what programs get as their context. */
  readonly args: number;
  /** The number of argument slots. */
  readonly count: number;
  /** The traced function's address, where a program asks for it. */
  readonly address: number;
  readonly rbx: number;
  /** struct bpf_tramp_run_ctx; its first member is the cookie. */
  readonly runCtx: number;
  /** Copies of the arguments on the stack, for the call of the traced function. */
  readonly stackArgs: number;
}

/** The frame of a trampoline. __arch_prepare_bpf_trampoline(), arch/x86/net/bpf_jit_comp.c. */
export function frameOf(places: readonly SlotPlace[], flags: number): Frame {
  const saves = hasFlag(flags, 'CALL_ORIG') || hasFlag(flags, 'RET_FENTRY_RET');
  const args = (saves ? 8 : 0) + 8 * places.length;
  const count = args + 8;
  const address = count + (hasFlag(flags, 'IP_ARG') ? 8 : 0);
  const rbx = address + 8;
  const runCtx = rbx + RUN_CTX_SIZE;
  const onStack = places.filter(({ kind }) => kind === 'stack').length;
  const copies = hasFlag(flags, 'CALL_ORIG') ? onStack : 0;
  const stackArgs = copies === 0 ? runCtx : aligned(runCtx + 8 * copies);
  return { size: stackArgs, saves, args, count, address, rbx, runCtx, stackArgs };
}

/**
 * An odd multiple of 8: with RBP and two return addresses above it, that leaves RSP at a multiple
 * of 16, as the callee expects whose arguments are on the stack.
 */
function aligned(size: number): number {
  return size % 16 === 0 ? size + 8 : size;
}
