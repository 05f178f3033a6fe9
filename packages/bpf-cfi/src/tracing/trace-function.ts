// SPDX-License-Identifier: MIT
import type { Seen } from '../outcome.ts';
import type { TracingKind } from '../operation.ts';
import { prototype } from '../prototypes.ts';
import type { Features } from '../revisions.ts';
import type { TracingLink } from '../state.ts';
import {
  clearsUpperHalf,
  functionModel,
  slotPlaces,
  type FunctionModel,
} from '../trampoline/function-model.ts';

/* What a call of a traced function comes to, by the rules of tracing and without its bytes. */

/** A call of a function that came back. */
export interface TracedCall {
  /** What the caller finds in RAX. */
  readonly value: bigint;
  /** In the order in which the programs ran. */
  readonly seen: readonly Seen[];
  /** No fmod_ret program has put its own value in place of the function's. */
  readonly functionRan: boolean;
}

/** Whether a link is one of a function: by its name, whatever its declaration looks like. */
export function traces(link: TracingLink, source: string): boolean {
  return prototype(link.function).name === prototype(source).name;
}

/** The links of a function, by kind; of each kind the newest first. */
export function linksOf(
  links: readonly TracingLink[],
  source: string,
): Readonly<Record<TracingKind, readonly TracingLink[]>> {
  const own = links.filter((link) => traces(link, source));
  const ofKind = (kind: TracingKind): readonly TracingLink[] =>
    own.filter((link) => link.kind === kind);
  return { fentry: ofKind('fentry'), fmod_ret: ofKind('fmod_ret'), fexit: ofKind('fexit') };
}

/**
 * A call: fentry programs, fmod_ret programs until one returns something, else the function, and
 * fexit programs.
 *
 * @param args one for each slot, as the caller passes them
 * @param original what the function makes of the slots that reach it
 */
export function traceCall(
  links: readonly TracingLink[],
  source: string,
  args: readonly bigint[],
  original: (args: readonly bigint[]) => bigint,
  features: Features,
): TracedCall {
  const { fentry, fmod_ret: fmodRet, fexit } = linksOf(links, source);
  const model = functionModel(source);
  const context = savedArguments(model, args, features);
  const seen: Seen[] = [];
  const look = (link: TracingLink, returned: bigint): void => {
    seen.push({ program: link.program, value: sightOf(link, context, returned) });
  };
  for (const link of fentry) look(link, 0n);
  if (fmodRet.length + fexit.length === 0)
    return { value: original(args), seen, functionRan: true };
  let value = 0n;
  for (const link of fmodRet) {
    look(link, value);
    value = BigInt(link.returns);
    if (value !== 0n) break;
  }
  const functionRan = value === 0n;
  if (functionRan) value = original(context);
  for (const link of fexit) look(link, value);
  return { value, seen, functionRan };
}

/** Slots as a trampoline saves them. */
function savedArguments(
  model: FunctionModel,
  args: readonly bigint[],
  features: Features,
): readonly bigint[] {
  const places = slotPlaces(model, features);
  if (!clearsUpperHalf(model, places)) return args;
  return args.map((value, slot) =>
    places[slot]?.kind === 'stack' ? BigInt.asUintN(32, value) : value,
  );
}

function sightOf(
  { sees, cookie }: TracingLink,
  context: readonly bigint[],
  returned: bigint,
): bigint {
  switch (sees.kind) {
    case 'argument':
      return BigInt.asUintN(64, context[sees.index] ?? returned);
    case 'count':
      return BigInt(context.length);
    case 'address':
      return 0n;
    case 'cookie':
      return cookie;
  }
}
