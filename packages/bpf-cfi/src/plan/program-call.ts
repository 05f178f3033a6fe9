// SPDX-License-Identifier: MIT
import { le32, relative } from '../bytes.ts';
import type { TargetFacts } from '../checked-call.ts';

import { FUNCTIONS, OBJECT, RETPOLINE_R11, type Text } from '../kernel-text.ts';
import { isTaken } from '../pack/pack.ts';
import { ENDBR_BYTES, type Scheme } from '../preamble.ts';
import { MAX_TAIL_CALL_CNT } from '../tail-call.ts';
import { BPF_MAIN, BPF_SUBPROGRAM } from '../prototypes.ts';
import type { Program, State } from '../state.ts';
import { reloadable, siteHash, type CallPlan } from './call-plan.ts';
import { preambleFacts } from './preamble-facts.ts';
import { bpfHash, isFilled, programArity, programImage, programTexts } from './program-image.ts';
import { outsideOf, textBefore } from './surroundings.ts';

/* Calls and tail calls of programs. */

/** What lies around the entry of a program. */
function programFacts(state: State, scheme: Scheme, program: Program): TargetFacts {
  const { setup, boot, features } = scheme;
  const outside = outsideOf(state, programImage(scheme, program).pointer);
  if (isFilled(scheme, program)) return { preamble: null, skew: 0, outside, first: 'int3' };
  const checked = features.preambles && setup.cfi && boot.mode !== 'OFF';
  const hash = bpfHash(scheme, program.kind);
  const preamble = checked
    ? preambleFacts(scheme, hash, programArity(program.kind), false, true)
    : null;
  const fineibt = checked && boot.mode === 'FINEIBT';
  return { preamble, skew: 0, outside, first: setup.ibt && !fineibt ? 'endbr' : 'code' };
}

export function readsNull({ body }: Program, args: readonly bigint[]): boolean {
  return body.kind === 'dereference' && (args[0] ?? 0n) === 0n;
}

export function bodyValue(program: Program, args: readonly bigint[]): bigint {
  const { body } = program;
  if (body.kind === 'constant' || body.kind === 'calls' || body.kind === 'tailCall') {
    return BigInt(body.value >>> 0);
  }
  if (body.kind === 'moves') return 1n;
  if (body.kind === 'argument') return BigInt.asUintN(64, args[body.index] ?? 0n);
  return 0n;
}

/** What comes back of a program that may jump into another, and that into a third. */
function chainValue({ programs }: State, first: Program): bigint {
  let program = first;
  for (let count = 0; count < MAX_TAIL_CALL_CNT; count += 1) {
    const next = program.tail === null ? undefined : programs[program.tail];
    if (next === undefined) break;
    program = next;
  }
  return bodyValue(program, []);
}

/** The texts of a program, and of those that its tail calls lead to. */
function reachedTexts(
  { programs }: State,
  scheme: Scheme,
  name: string,
): ReturnType<typeof programTexts> {
  const names = new Set<string>();
  for (let at: string | null = name; at !== null && !names.has(at);) {
    names.add(at);
    at = programs[at]?.tail ?? null;
  }
  const reached = [...names].flatMap((one) => {
    const program = programs[one];
    return program === undefined ? [] : [programTexts(scheme, one, program, programs)];
  });
  return {
    texts: reached.flatMap(({ texts }) => texts),
    symbols: reached.flatMap(({ symbols }) => symbols),
  };
}

/** Where a program was that is gone, another may be: of which a call there says nothing. */
function isReused({ memory }: State, { image, place }: Program): boolean {
  return image === 'freed' && isTaken(memory.packs, place.address, place.size);
}

/**
 * A dispatcher's call of a main program, or a helper's of a subprogram; undefined where something
 * else lies there.
 */
export function planProgram(
  state: State,
  scheme: Scheme,
  name: string,
  program: Program,
): CallPlan | undefined {
  if (isReused(state, program)) return undefined;
  const { features } = scheme;
  const main = program.kind !== 'subprogram';
  const checked = !main || features.dispatcherChecked;
  const hash = checked ? siteHash(scheme, main ? BPF_MAIN : BPF_SUBPROGRAM) : 0;
  return {
    scheme,
    hash,
    ...reloadable(scheme, programFacts(state, scheme, program)),
    value: chainValue(state, program),
    fault: null,
    scenario: () => {
      const { texts: own, symbols } = reachedTexts(state, scheme, name);
      const { pointer } = programImage(scheme, program);
      const args = [OBJECT, OBJECT];
      const texts = [...textBefore(state, pointer), ...own];
      return { scheme, hash, pointer, texts, symbols, arguments: args, swapped: undefined };
    },
  };
}

/**
 * A jump from one program into another. It lands behind the frame, on an ENDBR64 of its own, so
 * that there is no hash to check; at the entry a second frame would be made, and its return address
 * lost.
 */
export function planTailCall(
  state: State,
  scheme: Scheme,
  name: string,
  program: Program,
): CallPlan | undefined {
  if (isReused(state, program)) return undefined;
  const { setup, features } = scheme;
  const toEntry = features.tailCallTarget === 'entry';
  const facts = programFacts(state, scheme, program);
  const landing = setup.ibt && !isFilled(scheme, program) ? 'endbr' : facts.first;
  return {
    scheme,
    hash: 0,
    target: { ...facts, first: toEntry ? facts.first : landing },
    value: chainValue(state, program),
    fault: toEntry ? 'lost-return' : null,
    scenario: () => {
      const { texts, symbols } = reachedTexts(state, scheme, name);
      const { pointer, landing: distance } = programImage(scheme, program);
      const target = toEntry ? pointer : pointer + BigInt(distance);
      return {
        scheme,
        hash: 0,
        pointer: FUNCTIONS,
        texts: [tailCaller(scheme), ...texts],
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
