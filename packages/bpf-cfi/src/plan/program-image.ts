// SPDX-License-Identifier: MIT
import { bootHash, cfiGetOffset } from '../boot.ts';
import { repeated } from '../bytes.ts';
import {
  jitImage,
  patchBytes,
  PATCH_SIZE,
  type BodyLinks,
  type ImageShape,
  type JitImage,
  type ProgramBody,
} from '../jit-image.ts';
import { ARRAYS, ARRAY_SPACING, CALLS, type Symbol, type Text } from '../kernel-text.ts';
import { binaryBytes, FREE_BYTE, imageAddress, type Place } from '../pack/binary.ts';
import type { Arity, Scheme } from '../preamble.ts';
import { BPF_MAIN, BPF_SUBPROGRAM, prototype } from '../prototypes.ts';
import type { Program, State } from '../state.ts';

/* Programs as bytes, in their places. */

/** cfi_bpf_hash and cfi_bpf_subprog_hash, as boot left them. */
export function bpfHash({ boot, features, setup }: Scheme, kind: Program['kind']): number {
  if (!setup.cfi) return 0;
  const subprogram = kind === 'subprogram' && features.subprogramHash === 'subprogram';
  const { hash } = prototype(subprogram ? BPF_SUBPROGRAM : BPF_MAIN);
  return features.rehashesBpf ? bootHash(boot, hash, features) : hash;
}

/** Only the context of a main program matters; subprograms have five arguments. */
export function programArity(kind: Program['kind']): Arity {
  return kind === 'subprogram' ? 5 : 1;
}

function shapeOf(scheme: Scheme, program: Pick<Program, 'kind' | 'body'>): ImageShape {
  return {
    hash: bpfHash(scheme, program.kind),
    arity: programArity(program.kind),
    body: program.body,
  };
}

/** A program’s image, as it lies in memory. */
export interface PlacedImage extends JitImage {
  readonly address: bigint;
  readonly pointer: bigint;
}

function placeImage(
  scheme: Scheme,
  shape: ImageShape,
  place: Place,
  links?: BodyLinks,
): PlacedImage {
  const { setup, boot, features } = scheme;
  const address = imageAddress(place);
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  const image = jitImage(scheme, shape, address, CALLS, links);
  return { ...image, address, pointer: address + BigInt(offset) };
}

/** The subprogram of a body that calls one. */
function subprogramOf(body: ProgramBody): Pick<Program, 'kind' | 'body'> | undefined {
  if (body.kind !== 'calls') return undefined;
  return { kind: 'subprogram', body: { kind: 'constant', value: body.value } };
}

/** The image of a program’s subprogram in its place; undefined where it has none. */
export function subprogramImage(scheme: Scheme, program: Program): PlacedImage | undefined {
  const called = subprogramOf(program.body);
  if (called === undefined || program.subprogram === null) return undefined;
  return placeImage(scheme, shapeOf(scheme, called), program.subprogram);
}

/**
 * The image of a program in its place, patched as it is.
 *
 * @param programs all of them: one may be in the array of its tail calls
 */
export function programImage(
  scheme: Scheme,
  program: Program,
  programs: State['programs'] = {},
): PlacedImage {
  const links = {
    subprogram: subprogramImage(scheme, program)?.pointer ?? 0n,
    array: ARRAYS + ARRAY_SPACING * BigInt(program.slot),
    tail: landingOf(scheme, programs[program.tail ?? '']),
  };
  const image = placeImage(scheme, shapeOf(scheme, program), program.place, links);
  return { ...image, bytes: patched(image, image.address, program.patch) };
}

/** Where a tail call enters a program. */
function landingOf(scheme: Scheme, program: Program | undefined): bigint | null {
  if (program === undefined) return null;
  const { pointer, landing } = placeImage(scheme, shapeOf(scheme, program), program.place);
  return pointer + BigInt(landing);
}

function patched(
  { bytes, patchSite }: JitImage,
  address: bigint,
  patch: Program['patch'],
): readonly number[] {
  if (patch === null) return bytes;
  const instruction = patchBytes(patch.kind, patch.target, address + BigInt(patchSite));
  return [...bytes.slice(0, patchSite), ...instruction, ...bytes.slice(patchSite + PATCH_SIZE)];
}

/** Whether INT3 stands where a program was. */
export function isFilled({ features }: Scheme, { image }: Program): boolean {
  return image === 'freed' && features.fillsFreed;
}

/** Text of an allocation: header, image and INT3, or nothing but INT3 where it was freed. */
function heldText(place: Place, bytes: readonly number[], freed: boolean): Text {
  const held = freed ? repeated(FREE_BYTE, place.size) : binaryBytes(place, bytes);
  return { address: place.address, bytes: held };
}

/** A program’s allocations, that of its subprogram last. */
export function programTexts(
  scheme: Scheme,
  name: string,
  program: Program,
  programs: State['programs'] = {},
): { texts: readonly Text[]; symbols: readonly Symbol[] } {
  const freed = isFilled(scheme, program);
  const own = programImage(scheme, program, programs);
  const called = subprogramImage(scheme, program);
  const symbol = (of: string, { address, bytes, pointer }: PlacedImage): Symbol => {
    return { name: of, address: pointer, size: bytes.length - Number(pointer - address) };
  };
  return {
    texts: [
      heldText(program.place, own.bytes, freed),
      ...(called === undefined || program.subprogram === null
        ? []
        : [heldText(program.subprogram, called.bytes, freed)]),
    ],
    symbols: [
      symbol(`bpf_prog_${name}`, own),
      ...(called === undefined ? [] : [symbol(`bpf_prog_${name}_called`, called)]),
    ],
  };
}

/** Bytes of the images that a program will have, wherever they lie: its own, and its subprogram’s. */
export function imageLengths(
  scheme: Scheme,
  program: Pick<Program, 'kind' | 'body'>,
): readonly [own: number, subprogram: number | undefined] {
  const lengthOf = (one: Pick<Program, 'kind' | 'body'>): number =>
    jitImage(scheme, shapeOf(scheme, one), 0n, CALLS).bytes.length;
  const called = subprogramOf(program.body);
  return [lengthOf(program), called && lengthOf(called)];
}
