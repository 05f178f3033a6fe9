// SPDX-License-Identifier: MIT
import { cfiGetOffset } from '../boot.ts';
import { jitImage, type ImageShape } from '../jit-image.ts';
import { CALLS, PROGRAM_OBJECTS, TRACER_IMAGE, type Text } from '../kernel-text.ts';
import { binaryBytes, imageAddress } from '../pack/binary.ts';
import type { Scheme } from '../preamble.ts';
import { prototype } from '../prototypes.ts';
import type { State, TracingLink } from '../state.ts';
import { linksOf } from '../tracing/trace-function.ts';
import { tracingFlags } from '../trampoline/flags.ts';
import { functionModel } from '../trampoline/function-model.ts';
import type { LinkedProgram } from '../trampoline/invoke-program.ts';
import { emitTrampoline, type Trampoline } from '../trampoline/trampoline.ts';
import { functionEntry } from './function-call.ts';
import { bpfHash } from './program-image.ts';

/* Tracing programs, and the trampolines of the functions that they trace. */

function shapeOf(scheme: Scheme, returns: number): ImageShape {
  const body = { kind: 'constant', value: returns } as const;
  return { hash: bpfHash(scheme, 'main'), arity: 1, body };
}

/** Bytes of a tracing program's image. */
export function tracingLength(scheme: Scheme, returns: number): number {
  return jitImage(scheme, shapeOf(scheme, returns), 0n, CALLS).bytes.length;
}

/** A tracing program in its place. */
export interface PlacedProgram {
  readonly text: Text;
  readonly image: bigint;
  /** bpf_func. */
  readonly entry: bigint;
  /** Bytes from there on. */
  readonly size: number;
}

export function placeProgram(scheme: Scheme, { place, returns }: TracingLink): PlacedProgram {
  const { setup, boot, features } = scheme;
  const image = imageAddress(place);
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  const { bytes } = jitImage(scheme, shapeOf(scheme, returns), image, CALLS);
  const text = { address: place.address, bytes: binaryBytes(place, bytes) };
  return { text, image, entry: image + BigInt(offset), size: bytes.length - offset };
}

function linkedProgram(scheme: Scheme, link: TracingLink): LinkedProgram {
  const { entry } = placeProgram(scheme, link);
  const { cookie, sleepable } = link;
  return { program: PROGRAM_OBJECTS + 16n * BigInt(link.slot), entry, cookie, sleepable };
}

/** The trampoline of a traced function at an address; undefined with too many arguments. */
export function tracerTrampoline(
  scheme: Scheme,
  tracing: readonly TracingLink[],
  source: string,
  address: bigint,
): Trampoline | undefined {
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
  return emitTrampoline(scheme, shape, address, CALLS);
}

/** The trampoline of a traced function in its place; undefined where nothing traces it. */
export function tracerText(
  { tracing, tracers }: State,
  scheme: Scheme,
  source: string,
): Text | undefined {
  const placed = tracers[prototype(source).name];
  if (placed === undefined) return undefined;
  const { address } = placed;
  const trampoline = tracerTrampoline(scheme, tracing, source, address);
  return trampoline && { address, bytes: trampoline.bytes };
}
