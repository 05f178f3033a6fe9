// SPDX-License-Identifier: MIT
import type { Features } from '../revisions.ts';
import type { FunctionModel } from './function-model.ts';

/** Flags of a trampoline. include/linux/bpf.h. */
export const BPF_TRAMP_F: Readonly<Record<TrampolineFlag, number>> = {
  RESTORE_REGS: 1 << 0,
  CALL_ORIG: 1 << 1,
  SKIP_FRAME: 1 << 2,
  IP_ARG: 1 << 3,
  RET_FENTRY_RET: 1 << 4,
  ORIG_STACK: 1 << 5,
  SHARE_IPMODIFY: 1 << 6,
  TAIL_CALL_CTX: 1 << 7,
  INDIRECT: 1 << 8,
};

/** The name of a trampoline flag, without BPF_TRAMP_F_. */
export type TrampolineFlag =
  | ('RESTORE_REGS' | 'CALL_ORIG' | 'SKIP_FRAME' | 'IP_ARG' | 'RET_FENTRY_RET')
  | ('ORIG_STACK' | 'SHARE_IPMODIFY' | 'TAIL_CALL_CTX' | 'INDIRECT');

/** Whether flags have one among them. */
export function hasFlag(flags: number, flag: TrampolineFlag): boolean {
  return (flags & BPF_TRAMP_F[flag]) !== 0;
}

/** The flags that struct_ops chooses. bpf_struct_ops_prepare_trampoline(). */
export function structOpsFlags({ returnSize }: FunctionModel): number {
  return BPF_TRAMP_F.INDIRECT | (returnSize > 0 ? BPF_TRAMP_F.RET_FENTRY_RET : 0);
}

/** What of the programs on a traced function decides the flags of its trampoline. */
export interface TracingNeeds {
  /** There is an fexit or an fmod_ret program: the trampoline calls the function itself. */
  readonly callsFunction: boolean;
  /** A program asks for the function's address. */
  readonly readsAddress: boolean;
  /** A live patch changes where calls of the function go. */
  readonly sharesIpModify: boolean;
  /** The function is a BPF program that tail calls reach, so that RAX carries their count. */
  readonly countsTailCalls: boolean;
}

/** The flags that tracing chooses. bpf_trampoline_update(), kernel/bpf/trampoline.c. */
export function tracingFlags(needs: TracingNeeds): number {
  const { CALL_ORIG, SKIP_FRAME, RESTORE_REGS, IP_ARG } = BPF_TRAMP_F;
  const { SHARE_IPMODIFY, ORIG_STACK, TAIL_CALL_CTX } = BPF_TRAMP_F;
  return (
    (needs.callsFunction ? CALL_ORIG | SKIP_FRAME : RESTORE_REGS) |
    (needs.readsAddress ? IP_ARG : 0) |
    (needs.sharesIpModify ? SHARE_IPMODIFY : 0) |
    (needs.sharesIpModify && needs.callsFunction ? ORIG_STACK : 0) |
    (needs.countsTailCalls ? TAIL_CALL_CTX : 0)
  );
}

/** Whether the emitter warns of a combination of flags. */
export function flagsWarn(flags: number, features: Features): boolean {
  const others = flags & ~(BPF_TRAMP_F.INDIRECT | BPF_TRAMP_F.RET_FENTRY_RET);
  return features.indirectFlagChecked && hasFlag(flags, 'INDIRECT') && others !== 0;
}
