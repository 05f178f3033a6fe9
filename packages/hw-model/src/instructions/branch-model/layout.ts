// SPDX-License-Identifier: MIT

/* Where the model's pieces of code and its data lie: the first half of memory, one page each. */

/** What runs first. */
export const CODE = 0x2_0000n;
/** What RAX and R11 point to, and the quantity that RBX points to. */
export const TARGET = 0x2_1000n;
/** What RCX points to. */
export const SECOND = 0x2_2000n;
/** What RBX points to. */
export const POINTER = 0x2_3000n;
/** RSP. */
export const STACK = 0x2_4800n;
/** A page that the legacy code page bitmap may lie in. */
export const BITMAP = 0x3_0000n;
/** Bytes of a piece; behind it stands INT3 to the end of its page. */
export const PIECE_SIZE = 24;
