// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import type { MapleTreeOptions } from '@kernel-models/maple-tree';
import { kinds } from './arbitraries.ts';
import { World, type Entry, type Kind } from './world.ts';

/** A stretch of keys in which all of a test happens, so that its operations meet. */
export interface Neighbourhood {
  readonly kind: Kind;
  readonly base: bigint;
  /** How many ranges there are at the beginning. */
  readonly fill: number;
}

/** How many keys a neighbourhood has. */
export const SPREAD = 1200n;

/**
 * Where neighbourhoods begin. Around 2^53 keys cease to be their own images, at 2^63 they become
 * negative to who takes them for signed, and those at the end of the domain end with it.
 */
const BASES: Readonly<Record<Kind['keys'], readonly bigint[]>> = {
  number: [0n, 2n ** 31n - SPREAD / 2n, 2n ** 53n - SPREAD],
  u64: [0n, 2n ** 53n - SPREAD / 2n, 2n ** 63n - SPREAD / 2n, 2n ** 64n - SPREAD],
  u32: [0n, 2n ** 31n - SPREAD / 2n, 2n ** 32n - SPREAD],
};

/** Neighbourhoods in trees of every kind. */
export function neighbourhoods(
  { geometry }: MapleTreeOptions<Entry>,
  mostFill: number,
): fc.Arbitrary<Neighbourhood> {
  return kinds
    .map((kind) => (typeof geometry === 'string' ? { ...kind, geometry } : kind))
    .chain((kind) =>
      fc.record({
        kind: fc.constant(kind),
        base: fc.constantFrom(...BASES[kind.keys]),
        fill: fc.nat(mostFill),
      }),
    );
}

/**
 * A world whose tree holds [base + 4i, base + 4i + 1] for the first `fill` i. It begins outside RCU
 * mode, in which every store is planned.
 */
export function settle(
  { base, fill, kind }: Neighbourhood,
  variation: MapleTreeOptions<Entry>,
): World {
  const world = new World({ ...kind, rcu: false }, variation);
  const { driver, reference } = world;
  for (let i = 0n; i < BigInt(fill); i++) {
    const first = base + 4n * i;
    driver.tree.storeRange(driver.key(first), driver.key(first + 1n), 'f');
    reference.store(first, first + 1n, 'f');
  }
  return world;
}

/** The index itself, or the end of the domain [0, max] that it lies behind. */
export function clamp(index: bigint, max: bigint): bigint {
  return index < 0n ? 0n : index > max ? max : index;
}
