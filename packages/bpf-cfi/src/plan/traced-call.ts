// SPDX-License-Identifier: MIT
import { nops } from '@kernel-models/hw-model/instructions';
import { le32, relative } from '../bytes.ts';
import { returnBytes } from '../jit-image.ts';
import { CALLS, type Symbol, type Text } from '../kernel-text.ts';
import type { Scheme } from '../preamble.ts';
import type { Watch } from '../scenario.ts';
import type { State, TracingLink } from '../state.ts';
import { linksOf, traceCall } from '../tracing/trace-function.ts';
import { functionModel, slotPlaces, type SlotPlace } from '../trampoline/function-model.ts';
import { PATCH_SIZE } from '../trampoline/trampoline.ts';
import type { CallPlan } from './call-plan.ts';
import { functionText, planCall } from './function-call.ts';
import { placeProgram, tracerText, type PlacedProgram } from './tracer-image.ts';

/* Calls of functions that are traced. */

/** A call of a function that may be traced; undefined where its arguments do not fit. */
export function planTraced(
  state: State,
  scheme: Scheme,
  call: {
    readonly site: string;
    readonly function: string;
    readonly arguments: readonly bigint[];
  },
): CallPlan | undefined {
  const { function: source, site, arguments: args } = call;
  const { tracing } = state;
  const model = functionModel(source);
  const places = slotPlaces(model, scheme.features);
  if (args.length !== places.length) return undefined;
  const { seen, value } = traceCall(tracing, source, args, sumOf, scheme.features);
  const callee = { prototype: source, addressTaken: true };
  return {
    ...planCall(scheme, site, callee, undefined),
    value: model.returnSize === 0 ? null : value,
    seen,
    scenario: () => {
      const { fentry, fmod_ret: fmodRet, fexit } = linksOf(tracing, source);
      const links = [...fentry, ...fmodRet, ...fexit];
      const tracer = tracerText(state, scheme, source);
      const body = (address: bigint): readonly number[] => [
        ...patchSite(address, tracer?.address),
        ...sumBody(scheme, places, address),
      ];
      const made = functionText(scheme, callee, 0, body);
      const programs = links.map((link) => placeProgram(scheme, link));
      return {
        ...planCall(scheme, site, callee, undefined).scenario(),
        texts: [
          made.text,
          ...(tracer === undefined ? [] : [tracer]),
          ...programs.map(({ text }) => text),
        ],
        symbols: [...made.symbols, ...tracingSymbols(tracer, links, programs)],
        arguments: byPlace(places, args),
        watches: links.map((link, index) => watchOf(link, programs[index]?.entry ?? 0n)),
      };
    },
  };
}

/** What the model's traced functions do: they add up all their slots. */
function sumOf(args: readonly bigint[]): bigint {
  return BigInt.asUintN(
    64,
    args.reduce((sum, value) => sum + value, 0n),
  );
}

/** The place of __fentry__: a NOP, or the call of a trampoline. */
function patchSite(address: bigint, trampoline: bigint | undefined): readonly number[] {
  if (trampoline === undefined) return nops(PATCH_SIZE);
  return [0xe8, ...le32(relative(trampoline, address + BigInt(PATCH_SIZE)))];
}

/** ADD RAX, reg by the place of an argument: rdi, rsi, rdx, rcx, r8, r9. */
const ADD_REGISTER: readonly (readonly number[])[] = [
  [0x48, 0x01, 0xf8],
  [0x48, 0x01, 0xf0],
  [0x48, 0x01, 0xd0],
  [0x48, 0x01, 0xc8],
  [0x4c, 0x01, 0xc0],
  [0x4c, 0x01, 0xc8],
];

/** The body of a traced function, whose slots on the stack lie above its return address. */
function sumBody(scheme: Scheme, places: readonly SlotPlace[], address: bigint): readonly number[] {
  const sums = places.flatMap(({ kind, index }) =>
    kind === 'register' ? (ADD_REGISTER[index] ?? []) : [0x48, 0x03, 0x44, 0x24, 8 + 8 * index],
  );
  const body = [0x31, 0xc0, ...sums];
  return [...body, ...returnBytes(scheme, address + BigInt(PATCH_SIZE + body.length), CALLS)];
}

/** Slots as a call site passes them: six registers, and the stack. */
function byPlace(places: readonly SlotPlace[], args: readonly bigint[]): readonly bigint[] {
  const registers = new Array<bigint>(6).fill(0n);
  const stack: bigint[] = [];
  for (const [slot, { kind, index }] of places.entries()) {
    (kind === 'register' ? registers : stack)[index] = args[slot] ?? 0n;
  }
  return [...registers, ...stack];
}

function watchOf({ program, sees }: TracingLink, entry: bigint): Watch {
  return { address: entry, program, sees };
}

function tracingSymbols(
  tracer: Text | undefined,
  links: readonly TracingLink[],
  programs: readonly PlacedProgram[],
): readonly Symbol[] {
  const own = programs.map(({ entry, size }, index) => ({
    name: `bpf_prog_${links[index]?.program ?? ''}`,
    address: entry,
    size,
  }));
  if (tracer === undefined) return own;
  return [{ name: 'bpf_trampoline', address: tracer.address, size: tracer.bytes.length }, ...own];
}
