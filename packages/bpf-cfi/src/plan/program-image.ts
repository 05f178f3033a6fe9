// SPDX-License-Identifier: MIT
import { bootHash, cfiGetOffset } from '../boot.ts';
import { repeated } from '../bytes.ts';
import { jitImage, patchBytes, PATCH_SIZE, type ImageShape, type JitImage } from '../jit-image.ts';
import { CALLS, type Symbol, type Text } from '../kernel-text.ts';
import { binaryBytes, FREE_BYTE, imageAddress } from '../pack/binary.ts';
import type { Arity, Scheme } from '../preamble.ts';
import { BPF_MAIN, BPF_SUBPROGRAM, prototype } from '../prototypes.ts';
import type { Program } from '../state.ts';

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

/** The image of a program in its place, patched as it is. */
export function programImage(
  scheme: Scheme,
  program: Program,
): JitImage & { readonly address: bigint; readonly pointer: bigint } {
  const address = imageAddress(program.place);
  const image = jitImage(scheme, shapeOf(scheme, program), address, CALLS);
  const { setup, boot, features } = scheme;
  const offset = features.preambles ? cfiGetOffset(setup, boot, features) : 0;
  const bytes = patched(image, address, program.patch);
  return { ...image, bytes, address, pointer: address + BigInt(offset) };
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

/** A program’s allocation: header, image and INT3, or nothing but INT3 where it was freed. */
export function programText(
  scheme: Scheme,
  name: string,
  program: Program,
): { text: Text; symbols: Symbol[] } {
  const { place } = program;
  const { address, bytes, pointer } = programImage(scheme, program);
  const freed = isFilled(scheme, program);
  const held = freed ? repeated(FREE_BYTE, place.size) : binaryBytes(place, bytes);
  const size = bytes.length - Number(pointer - address);
  return {
    text: { address: place.address, bytes: held },
    symbols: [{ name: `bpf_prog_${name}`, address: pointer, size }],
  };
}

/** Bytes of the image that a program will have, wherever it lies. */
export function imageLength(scheme: Scheme, program: Pick<Program, 'kind' | 'body'>): number {
  return jitImage(scheme, shapeOf(scheme, program), 0n, CALLS).bytes.length;
}
