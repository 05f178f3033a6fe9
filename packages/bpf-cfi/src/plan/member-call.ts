// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import { cfiGetOffset } from '../boot.ts';
import { word32 } from '../bytes.ts';
import type { TargetFacts } from '../checked-call.ts';
import {
  CALLS,
  MAP_SPACING,
  PROGRAM_OBJECTS,
  TEST_RUN_IMAGE,
  TRAMPOLINES,
} from '../kernel-text.ts';
import type { Arity, Scheme } from '../preamble.ts';
import { ENDBR64 } from '../rehash.ts';
import type { Features } from '../revisions.ts';
import type { Program, StructMap } from '../state.ts';
import { structMembers, type StructMember, type StructName } from '../struct-types.ts';
import { functionModel, type FunctionModel } from '../trampoline/function-model.ts';
import { structOpsTrampoline } from '../trampoline/struct-ops-trampoline.ts';
import type { Trampoline } from '../trampoline/trampoline.ts';
import { reloadable, siteHash, type CallPlan } from './call-plan.ts';
import { preambleFacts } from './preamble-facts.ts';
import { bodyValue, programImage, programText, readsNull } from './program-call.ts';
import { preambleArity, stubHash, stubOf } from './stub.ts';

/* Members of structs that BPF implements, and calls of them through their trampolines. */

/** A member's model in BTF. */
function memberModel({ prototype }: StructMember): FunctionModel {
  return functionModel(prototype ?? 'void f(void)');
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
  const returnsNothing = memberModel(member).returnSize === 0;
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
