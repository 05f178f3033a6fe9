// SPDX-License-Identifier: MIT
import { callersCheck } from '../boot.ts';
import type { TargetFacts } from '../checked-call.ts';
import { arityThunk } from '../jit-image.ts';
import { CALLS, FUNCTIONS, type Symbol, type Text } from '../kernel-text.ts';
import type { FunctionCallee } from '../operation.ts';
import { functionPreamble, type Preamble, type Scheme } from '../preamble.ts';
import { prototype } from '../prototypes.ts';
import { siteHash, type CallPlan } from './call-plan.ts';
import { preambleFacts } from './preamble-facts.ts';

/* Functions of C, and calls of them. */

/** What every function of C in the model returns. */
export const FUNCTION_VALUE = 0x600d;
const SWAPPED_VALUE = 0xbad;

/** Half of what a function has for itself, which is padding. */
const FUNCTION_OUTSIDE: TargetFacts['outside'] = { mapped: 256, isFree: () => true };

/** Sealing takes the hash away only where a scheme is in force, and ENDBR64 always. */
function sealedHash(scheme: Scheme, callee: FunctionCallee): number {
  const forgotten = !callee.addressTaken && scheme.boot.mode !== 'OFF';
  return forgotten ? 0 : siteHash(scheme, callee.prototype);
}

/** What lies around the entry of a function of C. */
export function functionFacts(scheme: Scheme, callee: FunctionCallee): TargetFacts {
  const { setup, boot } = scheme;
  const sealed = !callee.addressTaken;
  const rewritten = boot.mode === 'FINEIBT' && !boot.failed;
  const first = setup.ibt && !sealed && !rewritten ? 'endbr' : 'code';
  const { arity } = prototype(callee.prototype);
  return {
    preamble: preambleFacts(scheme, sealedHash(scheme, callee), arity, sealed, false),
    skew: 0,
    outside: FUNCTION_OUTSIDE,
    first,
  };
}

/** Where the entry of a function of C is. */
export function functionEntry(index: number): bigint {
  return FUNCTIONS + 512n * BigInt(index) + 256n;
}

/** A function of C in its place. */
export interface FunctionText {
  readonly text: Text;
  readonly entry: bigint;
  readonly symbols: readonly Symbol[];
}

/** A body that returns a constant of 16 bits. */
function returning(value: number): () => readonly number[] {
  return () => [0xb8, value & 0xff, (value >> 8) & 0xff, 0, 0, 0xc3];
}

/**
 * A function of C at a place of its own.
 *
 * @param bodyAt what follows its preamble and ENDBR64, if it has them, at an address
 */
export function functionText(
  scheme: Scheme,
  callee: FunctionCallee,
  index: number,
  bodyAt: (address: bigint) => readonly number[] = returning(FUNCTION_VALUE),
): FunctionText {
  const { setup } = scheme;
  const { arity } = prototype(callee.prototype);
  const sealed = !callee.addressTaken;
  const entry = functionEntry(index);
  const thunk = arityThunk(scheme, arity, entry - 16n, CALLS);
  const preamble: Preamble = functionPreamble(
    scheme,
    sealedHash(scheme, callee),
    arity,
    sealed,
    thunk,
  );
  const body = [...preamble.entry, ...bodyAt(entry + BigInt(preamble.entry.length))];
  const address = entry - BigInt(preamble.before.length);
  const name = index === 0 ? 'callee' : `other_${index}`;
  return {
    text: { address, bytes: [...preamble.before, ...body] },
    entry,
    symbols: [
      { name, address: entry, size: body.length },
      ...(setup.cfi ? [{ name: `__cfi_${name}`, address, size: preamble.before.length }] : []),
    ],
  };
}

/** A call of a function of C. */
export function planCall(
  scheme: Scheme,
  site: string,
  callee: FunctionCallee,
  swapped: FunctionCallee | undefined,
): CallPlan {
  const hash = siteHash(scheme, site);
  const { boot, features } = scheme;
  const checks = scheme.setup.cfi && hash !== 0 && callersCheck(boot) && boot.paranoid;
  const reloads = features.callUses === 'memory' && !checks;
  const reaches = swapped !== undefined && reloads;
  return {
    scheme,
    hash,
    target: functionFacts(scheme, callee),
    ...(reloads && { reached: functionFacts(scheme, swapped ?? callee) }),
    value: BigInt(reaches ? SWAPPED_VALUE : FUNCTION_VALUE),
    fault: null,
    scenario: () => {
      const made = functionText(scheme, callee, 0);
      const other = swapped && functionText(scheme, swapped, 1, returning(SWAPPED_VALUE));
      return {
        scheme,
        hash,
        pointer: made.entry,
        texts: [made.text, ...(other === undefined ? [] : [other.text])],
        symbols: [...made.symbols, ...(other?.symbols ?? [])],
        arguments: [],
        swapped: other?.entry,
      };
    },
  };
}
