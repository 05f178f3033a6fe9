// SPDX-License-Identifier: MIT
import type { Page } from './machine-state.ts';
import type { Cached } from './machine.ts';

/** A page of a running machine. */
export interface LivePage {
  readonly source: Page;
  bytes: Uint8Array;
  /** Whether `bytes` is the machine's own, and may be written. */
  owned: boolean;
  /** What was decoded, by the offset of its first byte. */
  readonly code: (Cached | undefined)[];
}

/** A number of 1, 2 or 4 bytes. */
export function readNumber(bytes: Uint8Array, offset: number, size: number): number {
  const first = bytes[offset] ?? 0;
  if (size === 1) return first;
  const low = first | ((bytes[offset + 1] ?? 0) << 8);
  if (size === 2) return low;
  return low | ((bytes[offset + 2] ?? 0) << 16) | ((bytes[offset + 3] ?? 0) << 24);
}

/** The bytes of a page, to be written. */
export function own(page: LivePage): Uint8Array {
  if (!page.owned) {
    page.bytes = page.bytes.slice();
    page.owned = true;
  }
  return page.bytes;
}

/** What a page is when the machine is frozen. */
export function frozenPage({ source, bytes, owned }: LivePage): Page {
  return owned ? { ...source, bytes: bytes.slice() } : source;
}
