// SPDX-License-Identifier: MIT
import type { Arity, Scheme } from '../preamble.ts';
import { structOpsFlags } from './flags.ts';
import type { FunctionModel } from './function-model.ts';
import type { LinkedProgram, TrampolineCalls } from './invoke-program.ts';
import { emitTrampoline, type Trampoline } from './trampoline.ts';

/** What the trampoline of a struct's member is made for. */
export interface MemberShape extends LinkedProgram {
  readonly model: FunctionModel;
  /** Of the stub, as it was read at run time. */
  readonly hash: number;
  readonly arity: Arity;
}

/**
 * The struct_ops trampoline of a member at an address; undefined where it has too many arguments.
 * bpf_struct_ops_prepare_trampoline(), kernel/bpf/bpf_struct_ops.c.
 */
export function structOpsTrampoline(
  scheme: Scheme,
  { model, hash, arity, ...program }: MemberShape,
  address: bigint,
  calls: TrampolineCalls,
): Trampoline | undefined {
  const shape = {
    ...{ model, hash, arity, flags: structOpsFlags(model) },
    ...{ fentry: [program], fmodRet: [], fexit: [], traced: 0n, image: 0n },
  };
  return emitTrampoline(scheme, shape, address, calls);
}
