// SPDX-License-Identifier: MIT
import type { Features } from './revisions.ts';

/** ENDBR64 and ENDBR32 as little-endian words: what no immediate of kernel text may spell. */
export const ENDBR64 = 0xfa1e0ff3;
export const ENDBR32 = 0xfb1e0ff3;
/** What is written over an ENDBR64 that nobody may jump to. gen_endbr_poison(), asm/ibt.h. */
export const ENDBR_POISON = 0x001f0f66;
/** The same with a UDB in it, since Linux 6.18. */
export const ENDBR_POISON_6_18 = 0xd6401f0f;

/** The poison of a revision. */
export function endbrPoison({ layout }: Pick<Features, 'layout'>): number {
  return layout === 'linux-6.18' ? ENDBR_POISON_6_18 : ENDBR_POISON;
}

/** Whether a word is an ENDBR, or what stands for one. Mirrors __is_endbr(), asm/ibt.h. */
export function isEndbr(word: number, features: Pick<Features, 'layout'>): boolean {
  const value = word >>> 0;
  return value === ENDBR64 || value === ENDBR32 || value === endbrPoison(features);
}

/**
 * A type hash under the seed of this boot. It is not injective; equal hashes stay equal. Mirrors
 * cfi_rehash(), arch/x86/kernel/alternative.c.
 */
export function rehash(
  hash: number,
  seed: number,
  features: Pick<Features, 'layout' | 'rehashAvoidsEndbr'>,
): number {
  let result = (hash ^ seed) >>> 0;
  if (!features.rehashAvoidsEndbr) return result;
  while (isEndbr(result, features) || isEndbr(-result >>> 0, features)) {
    const lsb = result & 1;
    result >>>= 1;
    if (lsb === 1) result = (result ^ 0x8020_0003) >>> 0;
  }
  return result;
}
