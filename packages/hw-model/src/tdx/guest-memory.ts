// SPDX-License-Identifier: MIT
import { formatHex } from '@kernel-models/model-core';
import { ATTRIBUTES_SEPT_VE_DISABLE, LARGE_PAGE_SIZE, PAGE_SIZE } from './constants.ts';
import type { Outcome } from './outcome.ts';
import type { RuleName } from './rules.ts';
import type { SeptEntry, TdState } from './state.ts';

/** Bits that no guest physical address has: MAXPA is 52. */
const BEYOND_MAXPA = ~0xf_ffff_ffff_ffffn;
const BITS_51_48 = 0xf_0000_0000_0000n;
const PAGE_OFFSET = BigInt(PAGE_SIZE - 1);
const LARGE_PAGE_OFFSET = BigInt(LARGE_PAGE_SIZE - 1);

/** The SHARED bit: 47 or 51, by the width of addresses. */
export function sharedBit({ params: { gpaw } }: TdState): bigint {
  return 1n << BigInt(gpaw - 1);
}

/** Whether an address is one, and of which memory. Mirrors check_gpa_validity(), 1.5.01 source. */
export function classifyGpa(td: TdState, gpa: bigint): 'invalid' | 'shared' | 'private' {
  if ((gpa & BEYOND_MAXPA) !== 0n) return 'invalid';
  if (td.params.gpaw === 48 && (gpa & BITS_51_48) !== 0n) return 'invalid';
  return (gpa & sharedBit(td)) === 0n ? 'private' : 'shared';
}

/** The key of the frame that an address lies in. */
export function frameKey(gpa: bigint): string {
  return formatHex(gpa & ~PAGE_OFFSET);
}

/** The key of the 2 MiB page that an address lies in. */
export function largePageKey(gpa: bigint): string {
  return formatHex(gpa & ~LARGE_PAGE_OFFSET);
}

/** The leaf entry that maps a private address, and its key. */
export function findEntry(
  { sept }: TdState,
  gpa: bigint,
): { readonly key: string; readonly entry: SeptEntry } | undefined {
  const large = largePageKey(gpa);
  const largeEntry = sept[large];
  if (largeEntry?.level === 1) return { key: large, entry: largeEntry };
  const small = frameKey(gpa);
  const entry = sept[small];
  return entry === undefined ? undefined : { key: small, entry };
}

/** Why an access did not come to pass, or the frame that it is to. */
export type Access =
  | { readonly kind: 'frame'; readonly frame: Uint8Array }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'stopped'; readonly outcome: Outcome; readonly rule: RuleName };

const ZERO_FRAME = new Uint8Array(PAGE_SIZE);
const EPT_EXIT: Outcome = Object.freeze({ kind: 'td-exit', reason: 'ept-violation' });
const PENDING_VE: Outcome = Object.freeze({ kind: 'fault', vector: '#VE' });

/**
 * Walks to the frame of an address. What the walk meets is never a status code: a pending page is
 * #VE or an exit, anything else an exit. Mirrors check_walk_and_map_guest_side_gpa(), 1.5.01
 * source.
 *
 * @param kind whether a shared address will do
 */
export function access(td: TdState, gpa: bigint, kind: 'private' | 'private-or-shared'): Access {
  const memory = classifyGpa(td, gpa);
  if (memory === 'invalid' || (memory === 'shared' && kind === 'private')) {
    return { kind: 'invalid' };
  }
  if (memory === 'shared') {
    const frame = td.sharedFrames[frameKey(gpa & ~sharedBit(td))];
    if (frame !== undefined) return { kind: 'frame', frame };
    return { kind: 'stopped', outcome: EPT_EXIT, rule: 'memory.not-mapped' };
  }
  const found = findEntry(td, gpa);
  if (found?.entry.state === 'mapped') {
    return { kind: 'frame', frame: td.privateFrames[frameKey(gpa)] ?? ZERO_FRAME };
  }
  if (found?.entry.state === 'pending') {
    return (td.params.attributes & ATTRIBUTES_SEPT_VE_DISABLE) === 0n
      ? { kind: 'stopped', outcome: PENDING_VE, rule: 'memory.pending-ve' }
      : { kind: 'stopped', outcome: EPT_EXIT, rule: 'memory.pending-exit' };
  }
  return { kind: 'stopped', outcome: EPT_EXIT, rule: 'memory.not-mapped' };
}

/** The bytes of a frame from an address on. */
export function bytesAt(frame: Uint8Array, gpa: bigint, size: number): Uint8Array {
  const offset = Number(gpa & PAGE_OFFSET);
  return frame.slice(offset, offset + size);
}

/** Whether an access stays within one frame. */
export function staysInFrame(gpa: bigint, size: number): boolean {
  return Number(gpa & PAGE_OFFSET) + size <= PAGE_SIZE;
}

/** Writes to a frame that {@link access} has found, or that the host maps with it. */
export function store(td: TdState, gpa: bigint, content: Uint8Array): TdState {
  const shared = classifyGpa(td, gpa) === 'shared';
  const key = frameKey(shared ? gpa & ~sharedBit(td) : gpa);
  const frames = shared ? td.sharedFrames : td.privateFrames;
  const frame = frames[key]?.slice() ?? new Uint8Array(PAGE_SIZE);
  frame.set(content, Number(gpa & PAGE_OFFSET));
  const changed = { ...frames, [key]: frame };
  return shared ? { ...td, sharedFrames: changed } : { ...td, privateFrames: changed };
}
