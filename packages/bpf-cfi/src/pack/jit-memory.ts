// SPDX-License-Identifier: MIT
import { PAGE_SIZE } from '@kernel-models/hw-model/instructions';
import { packAlloc, packFree, type Chunks, type Pack } from './pack.ts';

/*
 * Executable memory of BPF: packs, pages that stand alone, and how much of both is charged.
 */

/** What BPF has of executable memory. */
export interface JitMemory {
  /** In the order in which they are looked through. */
  readonly packs: readonly Pack[];
  /** Pages outside of packs, in which trampolines lie before Linux 6.8. */
  readonly pages: readonly bigint[];
  /** bpf_jit_current: bytes. */
  readonly charged: number;
  /** net.core.bpf_jit_limit: bytes. */
  readonly limit: number;
}

/** bpf_jit_limit_max: bytes of the module area, with CONFIG_RANDOMIZE_BASE; it has more without. */
export const JIT_LIMIT_MAX = 0x3f00_0000;

/**
 * What boot leaves: half of the module area may be charged. bpf_jit_charge_init(),
 * kernel/bpf/core.c.
 *
 * @param taken of the first pack, by programs of the kernel's own
 */
export function bootMemory(taken: readonly Chunks[]): JitMemory {
  const packs =
    taken.length === 0 ? [] : packAlloc([], 1).packs.map((pack) => ({ ...pack, taken }));
  return { packs, pages: [], charged: 0, limit: JIT_LIMIT_MAX / 2 };
}

/**
 * Charges bytes; undefined where they are too many for who has no CAP_BPF: EPERM.
 * bpf_jit_charge_modmem(), kernel/bpf/core.c.
 */
export function chargeModmem(
  memory: JitMemory,
  size: number,
  capable: boolean,
): JitMemory | undefined {
  const charged = memory.charged + size;
  return charged > memory.limit && !capable ? undefined : { ...memory, charged };
}

/** bpf_jit_uncharge_modmem() */
export function unchargeModmem(memory: JitMemory, size: number): JitMemory {
  return { ...memory, charged: memory.charged - size };
}

/** Memory with something new in it. */
export interface Allocated {
  readonly memory: JitMemory;
  readonly address: bigint;
}

/** Takes chunks of a pack. */
export function takeChunks(memory: JitMemory, size: number): Allocated {
  const { packs, address } = packAlloc(memory.packs, size);
  return { memory: { ...memory, packs }, address };
}

/** Gives chunks back. */
export function freeChunks(memory: JitMemory, address: bigint): JitMemory {
  return { ...memory, packs: packFree(memory.packs, address) };
}

/** Where pages that stand alone lie: every other one, for a guard page stands before each. */
const FIRST_PAGE = 0xffff_ffff_e000_0000n;

/** Takes a page that stands alone: bpf_jit_alloc_exec(). */
export function takePage(memory: JitMemory): Allocated {
  let address = FIRST_PAGE;
  while (memory.pages.includes(address)) address += BigInt(2 * PAGE_SIZE);
  return { memory: { ...memory, pages: [...memory.pages, address] }, address };
}

/** Gives a page back: bpf_jit_free_exec(). */
export function freePage(memory: JitMemory, address: bigint): JitMemory {
  return { ...memory, pages: memory.pages.filter((page) => page !== address) };
}
