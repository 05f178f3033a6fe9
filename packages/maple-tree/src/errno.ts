// SPDX-License-Identifier: MIT

/** Negative error numbers as the kernel's calls return them: include/uapi/asm-generic/errno-base.h. */
export const ENOMEM = -12;
export const EBUSY = -16;
export const EEXIST = -17;
export const EINVAL = -22;

/** One of the four errors of the maple tree. */
export type Errno = typeof ENOMEM | typeof EBUSY | typeof EEXIST | typeof EINVAL;

const NAMES: ReadonlyMap<number, string> = new Map([
  [ENOMEM, 'ENOMEM'],
  [EBUSY, 'EBUSY'],
  [EEXIST, 'EEXIST'],
  [EINVAL, 'EINVAL'],
]);

/** `-17` to `EEXIST`; a number that is no error of the maple tree to its digits. */
export function errnoName(code: number): string {
  return NAMES.get(code) ?? String(code);
}
