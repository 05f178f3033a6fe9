// SPDX-License-Identifier: MIT

/*
 * Packs: pieces of executable memory that programs and trampolines share. Mirrors
 * bpf_prog_pack_alloc() and bpf_prog_pack_free(), kernel/bpf/core.c.
 *
 * A pack is mapped read-only and executable from its first moment, and full of INT3 but for what is
 * copied into it.
 */

/** Bytes of a pack: BPF_PROG_PACK_SIZE of a machine with one node of memory. */
export const PACK_SIZE: number = 0x20_0000;
/** Bytes of what a bit in a pack's bitmap stands for: BPF_PROG_CHUNK_SIZE. */
export const CHUNK_SIZE = 64;
const CHUNK_COUNT = PACK_SIZE / CHUNK_SIZE;

/** Chunks of a pack that lie next to each other. */
export interface Chunks {
  readonly first: number;
  readonly count: number;
}

/** A pack. */
export interface Pack {
  readonly address: bigint;
  /** What is taken, one for each allocation, by address. */
  readonly taken: readonly Chunks[];
}

/** The first packs lie one behind the other from here on: MODULES_VADDR. */
export const FIRST_PACK = 0xffff_ffff_c000_0000n;

function chunksFor(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

/**
 * Takes chunks: the first that are free, in the oldest pack that has enough of them.
 *
 * @param size bytes, up to a pack's
 * @throws RangeError where it is more: such an image has pages of its own, which are not modelled
 */
export function packAlloc(
  packs: readonly Pack[],
  size: number,
): { readonly packs: readonly Pack[]; readonly address: bigint } {
  if (size > PACK_SIZE) throw new RangeError(`size: expected at most ${PACK_SIZE}, got ${size}`);
  const count = chunksFor(size);
  for (const [index, pack] of packs.entries()) {
    const first = firstFree(pack.taken, count);
    if (first === undefined) continue;
    const taken = [...pack.taken, { first, count }].sort((a, b) => a.first - b.first);
    return {
      packs: packs.with(index, { ...pack, taken }),
      address: pack.address + BigInt(CHUNK_SIZE * first),
    };
  }
  const address = nextAddress(packs);
  return { packs: [...packs, { address, taken: [{ first: 0, count }] }], address };
}

/** bitmap_find_next_zero_area() */
function firstFree(taken: readonly Chunks[], count: number): number | undefined {
  let end = 0;
  for (const { first, count: size } of taken) {
    if (first - end >= count) return end;
    end = first + size;
  }
  return CHUNK_COUNT - end >= count ? end : undefined;
}

/** Where a new pack goes: in the kernel wherever there is room, here as low as there is. */
function nextAddress(packs: readonly Pack[]): bigint {
  let address = FIRST_PACK;
  while (packs.some((pack) => pack.address === address)) address += BigInt(PACK_SIZE);
  return address;
}

/** The pack that an address lies in. */
export function packOf(packs: readonly Pack[], address: bigint): Pack | undefined {
  return packs.find(
    (pack) => address >= pack.address && address < pack.address + BigInt(PACK_SIZE),
  );
}

/** Gives an allocation back, whose chunks become INT3 again; and the pack, if it holds nothing else. */
export function packFree(packs: readonly Pack[], address: bigint): readonly Pack[] {
  const pack = packOf(packs, address);
  if (pack === undefined) return packs;
  const first = Number(address - pack.address) / CHUNK_SIZE;
  const taken = pack.taken.filter((chunks) => chunks.first !== first);
  if (taken.length === 0) return packs.filter((one) => one !== pack);
  return packs.with(packs.indexOf(pack), { ...pack, taken });
}

/** Whether any chunk of an allocation that was given back is taken again. */
export function isTaken(packs: readonly Pack[], address: bigint, size: number): boolean {
  const pack = packOf(packs, address);
  if (pack === undefined) return false;
  const first = Number(address - pack.address) / CHUNK_SIZE;
  const end = first + chunksFor(size);
  return pack.taken.some((chunks) => chunks.first < end && chunks.first + chunks.count > first);
}

/** What a pack's bitmap shows: the runs of bits that are set. */
export function bitmapRuns({ taken }: Pack): readonly Chunks[] {
  const runs: Chunks[] = [];
  for (const { first, count } of taken) {
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === first) {
      runs[runs.length - 1] = { first: last.first, count: last.count + count };
    } else runs.push({ first, count });
  }
  return runs;
}
