// SPDX-License-Identifier: MIT

/**
 * The zero entry, XA_ZERO_ENTRY of include/linux/xarray.h: it occupies its range for cursors, for
 * insert and for allocation, but load and find do not see it.
 */
export const ZERO_ENTRY: unique symbol = Symbol('zero');

/**
 * An entry that the kernel keeps for itself, XA_RETRY_ENTRY of include/linux/xarray.h. Every call
 * that stores refuses it with EINVAL.
 */
export const RETRY_ENTRY: unique symbol = Symbol('retry');

/** Reserved by the kernel and above the advanced ones: may be stored, may not be allocated. */
export function isReserved(entry: unknown): boolean {
  return entry === ZERO_ENTRY || entry === RETRY_ENTRY;
}
