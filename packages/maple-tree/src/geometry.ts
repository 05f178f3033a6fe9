// SPDX-License-Identifier: MIT

/** How many slots the nodes of a tree have. */
export interface Geometry {
  readonly name: string;
  /** Slots of a leaf. */
  readonly leafSlots: number;
  /** Slots of an internal node. */
  readonly rangeSlots: number;
  /** Slots of an internal node that keeps gaps (ALLOC_RANGE). */
  readonly arangeSlots: number;
  /** Smallest END, the offset of the last used slot, of a leaf that is not the root. */
  readonly leafMin: number;
  readonly rangeMin: number;
  readonly arangeMin: number;
  /**
   * Whether rebuilding goes up to the root, as in Linux 6.12, which exact replay needs. Otherwise nodes
   * are split and merged in place.
   */
  readonly rebuildsToRoot: boolean;
}

/** The name of a geometry that comes with the package. */
export type GeometryName = 'kernel64' | 'kernel32' | 'tuned';

/** The shapes of mt_slots[] and mt_min_slots[], lib/maple_tree.c, Linux 6.12, and our own. */
export const GEOMETRIES: Readonly<Record<GeometryName, Geometry>> = Object.freeze({
  /** 256-byte nodes on a 64-bit machine. */
  kernel64: geometry('kernel64', 16, 16, 10, true),
  /** 256-byte nodes on a 32-bit machine. */
  kernel32: geometry('kernel32', 32, 32, 21, true),
  /** The fan-out that JavaScript engines like best; `npm run bench` shows why. */
  tuned: geometry('tuned', 64, 64, 64),
});

/**
 * A geometry of your own. One that rebuilds to the root has the minimum END of the kernel's rule: half
 * the slots less two for leaves and range nodes, half less one for nodes with gaps. In others it is less than a
 * quarter of the slots, since merging costs more than sparse nodes do.
 *
 * @param name shown in messages
 * @param leafSlots 8 to 64
 * @param rangeSlots 8 to 64
 * @param arangeSlots 8 to 64
 * @param rebuildsToRoot see {@link Geometry.rebuildsToRoot}
 * @throws RangeError where a count is out of range
 */
export function geometry(
  name: string,
  leafSlots: number,
  rangeSlots: number,
  arangeSlots: number,
  rebuildsToRoot: boolean = false,
): Geometry {
  for (const [field, slots] of Object.entries({ leafSlots, rangeSlots, arangeSlots })) {
    if (!Number.isInteger(slots) || slots < 8 || slots > 64) {
      throw new RangeError(`${field}: expected a whole number from 8 to 64, got ${slots}`);
    }
  }
  const leastEnd = (slots: number, less: number): number =>
    rebuildsToRoot ? (slots >> 1) - less : (slots >> 2) - 1;
  return Object.freeze({
    name,
    leafSlots,
    rangeSlots,
    arangeSlots,
    leafMin: leastEnd(leafSlots, 2),
    rangeMin: leastEnd(rangeSlots, 2),
    arangeMin: leastEnd(arangeSlots, 1),
    rebuildsToRoot,
  });
}
