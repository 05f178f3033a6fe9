// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import type { Features } from '../revisions.ts';
import {
  chargeModmem,
  freeChunks,
  freePage,
  takeChunks,
  takePage,
  unchargeModmem,
  type Allocated,
  type JitMemory,
} from './jit-memory.ts';

/*
 * Memory of trampolines: arch_alloc_bpf_trampoline(), which takes it from a pack since Linux 6.8,
 * and a page each before.
 */

type Room = Pick<Features, 'trampolinesIn'>;

/** Takes memory that is not charged. */
export function trampolineAlloc(memory: JitMemory, size: number, features: Room): Allocated {
  return features.trampolinesIn === 'pack' ? takeChunks(memory, size) : takePage(memory);
}

/** Gives it back. */
export function trampolineFree(memory: JitMemory, address: bigint, features: Room): JitMemory {
  return features.trampolinesIn === 'pack'
    ? freeChunks(memory, address)
    : freePage(memory, address);
}

/** Where a trampoline lies. */
export interface TrampolineImage {
  readonly address: bigint;
  /** Bytes that are its own: its code and its slack, or a page. */
  readonly size: number;
}

/** bpf_tramp_image_alloc(), kernel/bpf/trampoline.c. Who traces has CAP_BPF. */
export function tracerAlloc(
  memory: JitMemory,
  slot: number,
  features: Room,
): { readonly memory: JitMemory; readonly image: TrampolineImage } {
  const size = features.trampolinesIn === 'pack' ? slot : PAGE_SIZE;
  const charged = chargeModmem(memory, size, true) ?? memory;
  const { memory: after, address } = trampolineAlloc(charged, size, features);
  return { memory: after, image: { address, size } };
}

/** bpf_tramp_image_free() */
export function tracerFree(
  memory: JitMemory,
  { address, size }: TrampolineImage,
  features: Room,
): JitMemory {
  return unchargeModmem(trampolineFree(memory, address, features), size);
}

/**
 * A page for trampolines of a struct; undefined where it is too much for who asks: EPERM.
 * bpf_struct_ops_image_alloc(), kernel/bpf/bpf_struct_ops.c.
 */
export function structOpsImageAlloc(
  memory: JitMemory,
  capable: boolean,
  features: Room,
): Allocated | undefined {
  const charged = chargeModmem(memory, PAGE_SIZE, capable);
  return charged && trampolineAlloc(charged, PAGE_SIZE, features);
}

/** MAX_TRAMP_IMAGE_PAGES, kernel/bpf/bpf_struct_ops.c, Linux 6.9. */
const MAX_TRAMP_IMAGE_PAGES = 8;

/** The pages of a struct's trampolines, which are laid one behind the other. */
export interface ImagePages {
  readonly memory: JitMemory;
  readonly pages: readonly bigint[];
  /** Bytes of the last page that are in use. */
  readonly used: number;
}

/**
 * Room for one more trampoline: behind the one before, or in a page of its own. Since Linux 6.9 such
 * a page is taken now; before, the map has the one that it was made with.
 *
 * @param slot bytes: its code and its slack
 * @returns `E2BIG` with no room, and `EPERM` with too much charged
 */
export function nextTrampoline(
  { memory, pages, used }: ImagePages,
  slot: number,
  capable: boolean,
  features: Pick<Features, 'trampolinesIn' | 'trampolinePages'>,
): (ImagePages & { readonly address: bigint }) | 'E2BIG' | 'EPERM' {
  const last = pages.at(-1);
  if (last !== undefined && slot <= PAGE_SIZE - used) {
    return { memory, pages, used: used + slot, address: last + BigInt(used) };
  }
  const onDemand = features.trampolinePages === 'on-demand';
  if (!onDemand || pages.length === MAX_TRAMP_IMAGE_PAGES) return 'E2BIG';
  const page = structOpsImageAlloc(memory, capable, features);
  if (page === undefined) return 'EPERM';
  const { address } = page;
  return { memory: page.memory, pages: [...pages, address], used: slot, address };
}
