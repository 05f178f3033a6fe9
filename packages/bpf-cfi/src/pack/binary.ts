// SPDX-License-Identifier: MIT
import { le32, repeated } from '../bytes.ts';
import {
  chargeModmem,
  freeChunks,
  takeChunks,
  unchargeModmem,
  type JitMemory,
} from './jit-memory.ts';
import { CHUNK_SIZE } from './pack.ts';

/*
 * The image of a program in a pack: a header that says how much was taken, a random distance, the
 * image, and INT3 all around. Mirrors bpf_jit_binary_pack_alloc() and its kin, kernel/bpf/core.c.
 */

/** Where an image lies. */
export interface Place {
  /** Of the header, which is where a chunk begins. */
  readonly address: bigint;
  /** Bytes that were taken; the header says so. */
  readonly size: number;
  /** Bytes between the header and the image. */
  readonly start: number;
  /** Bytes of the image. */
  readonly length: number;
}

/** Bytes of struct bpf_binary_header: a size, and what aligns the image to 8. */
export const HEADER_SIZE = 8;
const SIZE_FIELD_SIZE = 4;
/** Bytes that are left for INT3 at least. */
const SLACK = 16;
/** What the JIT aligns images to: __alignof__(struct exception_table_entry). */
export const IMAGE_ALIGNMENT = 4;
/** What free space is filled with: INT3. jit_fill_hole(), arch/x86/net/bpf_jit_comp.c. */
export const FREE_BYTE = 0xcc;

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** Bytes that are taken for an image of a length. */
function sizeFor(length: number): number {
  return roundUp(roundUp(length, IMAGE_ALIGNMENT) + HEADER_SIZE + SLACK, CHUNK_SIZE);
}

/** What the distance before an image is less than, so that the image stays in its first chunk. */
export function startHole(size: number, length: number): number {
  const rest = size - (roundUp(length, IMAGE_ALIGNMENT) + HEADER_SIZE);
  return Math.min(rest, CHUNK_SIZE - HEADER_SIZE);
}

/** get_random_u32_below(), of the 32 bits that it draws. */
function below(limit: number, random: number): number {
  return Number((BigInt(random) * BigInt(limit)) >> 32n);
}

/**
 * Takes memory for an image. The JIT has CAP_BPF wherever this model loads a program, so that the
 * limit keeps none of them away.
 *
 * @param random 32 random bits, which decide how far behind its header the image begins
 */
export function binaryPackAlloc(
  memory: JitMemory,
  length: number,
  random: number,
): { readonly memory: JitMemory; readonly place: Place } {
  const size = sizeFor(length);
  const taken = takeChunks(chargeModmem(memory, size, true) ?? memory, size);
  const start = below(startHole(size, length), random) & ~(IMAGE_ALIGNMENT - 1);
  return { memory: taken.memory, place: { address: taken.address, size, start, length } };
}

/** Gives an image's memory back, as its header says. */
export function binaryPackFree(memory: JitMemory, { address, size }: Place): JitMemory {
  return unchargeModmem(freeChunks(memory, address), size);
}

/** Where the image begins. */
export function imageAddress({ address, start }: Place): bigint {
  return address + BigInt(HEADER_SIZE + start);
}

/** Where the header of an image is looked for: bpf_jit_binary_pack_hdr(). */
export function headerAddress(image: bigint): bigint {
  return image & ~BigInt(CHUNK_SIZE - 1);
}

/** What bpf_jit_binary_pack_finalize() copies into the pack: the header, the image, and INT3. */
export function binaryBytes({ size, start }: Place, image: readonly number[]): readonly number[] {
  const before = HEADER_SIZE - SIZE_FIELD_SIZE + start;
  const behind = size - HEADER_SIZE - start - image.length;
  return [...le32(size), ...repeated(FREE_BYTE, before), ...image, ...repeated(FREE_BYTE, behind)];
}
