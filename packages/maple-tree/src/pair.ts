// SPDX-License-Identifier: MIT

/*
 * Arithmetic of keys as pairs of image and tail, see `KeyMode.keyOf`. It is the same in all key modes,
 * so code that works on pairs is compiled for numbers once, whatever trees a process has.
 */

/** The last image that is surely the key itself: 2^53 - 1. */
export const LAST_EXACT: number = Number.MAX_SAFE_INTEGER;

/** From here on images are rounded: 2^53. */
const ROUNDED = 2 ** 53;
/** The distance of two images from there on. */
const STEP = 2048;

/** Image of the key before a pair; -1 before 0. */
export function previousImage(image: number, tail: number): number {
  if (tail > 0) return image;
  return image <= ROUNDED ? image - 1 : image - STEP;
}

/** Tail of the key before a pair. */
export function previousTail(image: number, tail: number): number {
  if (tail > 0) return tail - 1;
  return image <= ROUNDED ? 0 : STEP - 1;
}

/** Image of the key after a pair, which is not the last one; 0 after -1. */
export function nextImage(image: number, tail: number): number {
  if (image < ROUNDED) return image + 1;
  return tail < STEP - 1 ? image : image + STEP;
}

/** Tail of the key after a pair. */
export function nextTail(image: number, tail: number): number {
  return image < ROUNDED || tail === STEP - 1 ? 0 : tail + 1;
}

/** Whether a pair comes before another. */
export function isBelow(image: number, tail: number, other: number, otherTail: number): boolean {
  return image < other || (image === other && tail < otherTail);
}
