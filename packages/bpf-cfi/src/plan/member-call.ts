// SPDX-License-Identifier: MIT
import { word32 } from '../bytes.ts';
import type { TargetFacts } from '../checked-call.ts';
import type { Arity, Scheme } from '../preamble.ts';
import { ENDBR64 } from '../rehash.ts';
import type { Program, State } from '../state.ts';
import type { StructMember, StructName } from '../struct-types.ts';
import { reloadable, siteHash, type CallPlan } from './call-plan.ts';
import { memberModel, placeTrampoline, type PlacedTrampoline } from './member-trampoline.ts';
import { preambleFacts } from './preamble-facts.ts';
import { bodyValue, readsNull } from './program-call.ts';
import { programTexts } from './program-image.ts';
import { preambleArity, stubOf } from './stub.ts';
import { outsideOf, textBefore } from './surroundings.ts';

/* Calls of members of structs that BPF implements, through their trampolines. */

/** What lies around the pointer of a trampoline. */
function trampolineFacts(
  state: State,
  scheme: Scheme,
  placed: PlacedTrampoline,
  arity: Arity,
): TargetFacts {
  const { setup, boot, features } = scheme;
  const checked = features.preambles && setup.cfi && boot.mode !== 'OFF';
  const preamble = checked ? preambleFacts(scheme, placed.hash, arity, false, true) : null;
  const skew = Number(placed.pointer - placed.address) - placed.trampoline.entry;
  const start = word32(
    Uint8Array.from(placed.trampoline.bytes),
    Number(placed.pointer - placed.address),
  );
  const first = start === ENDBR64 ? 'endbr' : 'code';
  return {
    preamble,
    skew,
    outside: outsideOf(state, placed.pointer),
    first: setup.ibt ? first : 'code',
  };
}

/** A call through a trampoline. */
export function planTrampoline(
  state: State,
  scheme: Scheme,
  call: {
    readonly site: string;
    readonly struct: StructName;
    readonly member: StructMember;
    readonly name: string;
    readonly program: Program;
    readonly arguments: readonly bigint[];
    readonly testRun: boolean;
    /** Where the trampoline lies. */
    readonly address: bigint;
  },
): CallPlan | undefined {
  const { member, program, struct, testRun, address } = call;
  const placed = placeTrampoline(scheme, struct, member, program, address, testRun);
  if (placed === undefined) return undefined;
  const hash = siteHash(scheme, call.site);
  const stub = stubOf(scheme, struct, member, testRun);
  const returnsNothing = memberModel(member).returnSize === 0;
  return {
    scheme,
    hash,
    ...reloadable(scheme, trampolineFacts(state, scheme, placed, preambleArity(scheme, stub))),
    value: returnsNothing ? null : bodyValue(program, call.arguments),
    fault: readsNull(program, call.arguments) ? 'null-dereference' : null,
    scenario: () => {
      const image = programTexts(scheme, call.name, program);
      const { bytes } = placed.trampoline;
      return {
        scheme,
        hash,
        pointer: placed.pointer,
        texts: [...textBefore(state, placed.pointer), { address, bytes }, ...image.texts],
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
