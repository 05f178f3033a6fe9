// SPDX-License-Identifier: MIT
/**
 * Sizes of a page. The model has no other page size than x86's and ARM's common one.
 *
 * Mirrors PAGE_SHIFT and PAGE_SIZE, arch/x86/include/asm/page_types.h, Linux 6.12.
 */
export const PAGE_SHIFT: number = 12;
/** Bytes of a page. */
export const PAGE_SIZE: number = 4096;
