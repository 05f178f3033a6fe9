// SPDX-License-Identifier: MIT

/* Where the model's pieces of code and its data lie: one page each. */

/** What runs first. */
export const CODE = 0x2_0000n;
/** What RAX and R11 point to, and the quantity that RBX points to. */
export const TARGET = 0x2_1000n;
/** What RCX and RDX point to. */
export const SECOND = 0x2_2000n;
/** What RBX points to: TARGET, and behind it the far pointers. */
export const POINTER = 0x2_3000n;
/** RSP: a stack of {@link STACK_SIZE} bytes, below which no page is mapped. */
export const STACK = 0x2_5100n;
/** The stack of CPL 0, for whoever enters it from CPL 3; no larger than the other. */
export const KERNEL_STACK = 0x2_7100n;
export const STACK_SIZE = 0x100n;
/** Where both interrupts, the call gate, SYSCALL and SYSENTER lead, and one exception may. */
export const HANDLER = 0x2_b000n;
/** A page that the legacy code page bitmap may lie in. */
export const BITMAP = 0x3_0000n;
/** Bytes of a piece; behind it stands INT3 to the end of its page. */
export const PIECE_SIZE = 24;
