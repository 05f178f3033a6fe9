// SPDX-License-Identifier: MIT
import { nops } from '@kernel-models/hw-model/instructions';
import { le32 } from '../bytes.ts';
import { cfiGetOffset } from '../boot.ts';
import { jitImage, relative, returnBytes, type ImageShape } from '../jit-image.ts';
import {
  CALLS,
  PROGRAM_OBJECTS,
  TRACER,
  TRACER_IMAGE,
  TRACING_PROGRAMS,
  type Symbol,
  type Text,
} from '../kernel-text.ts';
import type { Scheme } from '../preamble.ts';
import type { Watch } from '../scenario.ts';
import type { TracingLink } from '../state.ts';
import { linksOf, traceCall } from '../tracing/trace-function.ts';
import { tracingFlags } from '../trampoline/flags.ts';
import { functionModel, slotPlaces, type SlotPlace } from '../trampoline/function-model.ts';
import type { LinkedProgram } from '../trampoline/invoke-program.ts';
import { emitTrampoline, PATCH_SIZE, type Trampoline } from '../trampoline/trampoline.ts';
import type { CallPlan } from './call-plan.ts';
import { functionEntry, functionText, planCall } from './function-call.ts';
import { bpfHash } from './program-call.ts';

/* Functions that are traced, and calls of them. */

const PROGRAM_SPACING = 256n;

/** Where a tracing program lies: its image, and bpf_func. */
function placeProgram(scheme: Scheme, { slot, returns }: TracingLink): Text & { entry: bigint } {
  const { setup, boot, features } = scheme;
  const address = TRACING_PROGRAMS + PROGRAM_SPACING * BigInt(slot);
  const shape: ImageShape = {
    hash: bpfHash(scheme, 'main'),
    arity: 1,
    body: { kind: 'constant', value: returns },
  };
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  const { bytes } = jitImage(scheme, shape, address, CALLS);
  return { address, bytes, entry: address + BigInt(offset) };
}

function linkedProgram(scheme: Scheme, link: TracingLink): LinkedProgram {
  const { entry } = placeProgram(scheme, link);
  const { cookie, sleepable } = link;
  return { program: PROGRAM_OBJECTS + 16n * BigInt(link.slot), entry, cookie, sleepable };
}

/** The trampoline of a traced function in its place; undefined with too many arguments. */
export function placeTracer(
  scheme: Scheme,
  tracing: readonly TracingLink[],
  source: string,
): { readonly trampoline: Trampoline; readonly address: bigint } | undefined {
  const { fentry, fmod_ret: fmodRet, fexit } = linksOf(tracing, source);
  const programs = (links: readonly TracingLink[]): readonly LinkedProgram[] =>
    links.map((link) => linkedProgram(scheme, link));
  const flags = tracingFlags({
    callsFunction: fmodRet.length + fexit.length > 0,
    readsAddress: [...fentry, ...fmodRet, ...fexit].some(({ sees }) => sees.kind === 'address'),
    sharesIpModify: false,
    countsTailCalls: false,
  });
  const shape = {
    ...{ model: functionModel(source), flags, hash: 0, arity: 0 as const },
    ...{ fentry: programs(fentry), fmodRet: programs(fmodRet), fexit: programs(fexit) },
    ...{ traced: functionEntry(0), image: TRACER_IMAGE },
  };
  const trampoline = emitTrampoline(scheme, shape, TRACER, CALLS);
  return trampoline && { trampoline, address: TRACER };
}

/** A call of a function that may be traced; undefined where its arguments do not fit. */
export function planTraced(
  scheme: Scheme,
  tracing: readonly TracingLink[],
  call: {
    readonly site: string;
    readonly function: string;
    readonly arguments: readonly bigint[];
  },
): CallPlan | undefined {
  const { function: source, site, arguments: args } = call;
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
      const placed = links.length === 0 ? undefined : placeTracer(scheme, tracing, source);
      const body = (address: bigint): readonly number[] => [
        ...patchSite(address, placed?.address),
        ...sumBody(scheme, places, address),
      ];
      const made = functionText(scheme, callee, 0, body);
      const programs = links.map((link) => placeProgram(scheme, link));
      const tracer = placed && { address: placed.address, bytes: placed.trampoline.bytes };
      return {
        ...planCall(scheme, site, callee, undefined).scenario(),
        texts: [made.text, ...(tracer === undefined ? [] : [tracer]), ...programs],
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
  programs: readonly (Text & { readonly entry: bigint })[],
): readonly Symbol[] {
  const own = programs.map(({ address, entry, bytes }, index) => ({
    name: `bpf_prog_${links[index]?.program ?? ''}`,
    address: entry,
    size: bytes.length - Number(entry - address),
  }));
  if (tracer === undefined) return own;
  return [{ name: 'bpf_trampoline', address: tracer.address, size: tracer.bytes.length }, ...own];
}
