// SPDX-License-Identifier: MIT
import { cfiGetOffset } from '../boot.ts';
import { CALLS, PROGRAM_OBJECTS } from '../kernel-text.ts';
import type { Scheme } from '../preamble.ts';
import type { Program } from '../state.ts';
import type { StructMember, StructName } from '../struct-types.ts';
import { functionModel, type FunctionModel } from '../trampoline/function-model.ts';
import { structOpsTrampoline } from '../trampoline/struct-ops-trampoline.ts';
import type { Trampoline } from '../trampoline/trampoline.ts';
import { programImage } from './program-image.ts';
import { preambleArity, stubHash, stubOf } from './stub.ts';

/* Trampolines of members of structs that BPF implements. */

/** A member's model in BTF. */
export function memberModel({ prototype }: StructMember): FunctionModel {
  return functionModel(prototype ?? 'void f(void)');
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
    model: memberModel(member),
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
