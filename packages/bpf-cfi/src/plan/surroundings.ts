// SPDX-License-Identifier: MIT
import type { Outside } from '../checked-call.ts';
import type { Text } from '../kernel-text.ts';
import { FREE_BYTE, imageAddress, type Place } from '../pack/binary.ts';
import { CHUNK_SIZE, FIRST_PACK, packOf } from '../pack/pack.ts';
import type { State } from '../state.ts';

/*
 * What lies in front of a pointer to something that the JIT made: a check that finds no preamble
 * reads, or executes, what is there.
 */

/** FineIBT’s callers branch so far in front of the pointer. */
const FINEIBT_DISTANCE = 16n;
/** No check looks farther: an alignment of 64 bytes. */
const FARTHEST = 64n;

/** What lies in front of a pointer. */
export function outsideOf(state: State, pointer: bigint): Outside {
  const { packs, pages } = state.memory;
  const start = packOf(packs, pointer)?.address ?? pages.find((page) => inPage(page, pointer));
  const mapped = start === undefined ? Number(pointer & 0xfffn) : Number(pointer - start);
  return { mapped, isFree: () => isFree(state, pointer - FINEIBT_DISTANCE) };
}

function inPage(page: bigint, pointer: bigint): boolean {
  return pointer >> 12n === page >> 12n;
}

/** The page in front of a pointer’s own, so far as it is there and a check may look into it. */
export function textBefore(state: State, pointer: bigint): readonly Text[] {
  const { mapped } = outsideOf(state, pointer);
  const farthest = pointer - FARTHEST;
  return BigInt(mapped) < FARTHEST || inPage(farthest, pointer)
    ? []
    : [{ address: farthest, bytes: [FREE_BYTE] }];
}

/** Whether the JIT has left INT3 at an address. */
function isFree(state: State, address: bigint): boolean {
  const { programs, tracing, maps, tracers, setup } = state;
  const within = (start: bigint, size: number): boolean =>
    address >= start && address < start + BigInt(size);
  const inBinary = (place: Place): boolean =>
    within(place.address, 4) || within(imageAddress(place), place.length);
  const live = Object.values(programs).filter(({ image }) => image !== 'freed');
  const trampolines = Object.values(maps).flatMap((map) => Object.values(map.trampolines));
  return !(
    [...live, ...tracing].some(({ place }) => inBinary(place)) ||
    live.some(({ subprogram }) => subprogram !== null && inBinary(subprogram)) ||
    [...trampolines, ...Object.values(tracers)].some((one) => within(one.address, one.size)) ||
    (setup.packed ?? []).some((chunks) =>
      within(FIRST_PACK + BigInt(CHUNK_SIZE * chunks.first), CHUNK_SIZE * chunks.count),
    )
  );
}
