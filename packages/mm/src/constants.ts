// SPDX-License-Identifier: MIT
/**
 * Sizes of a page. The model has no other page size than x86's and ARM's common one.
 *
 * Mirrors PAGE_SHIFT and PAGE_SIZE, arch/x86/include/asm/page_types.h, Linux 6.12.
 */
export const PAGE_SHIFT: number = 12;
/** Bytes of a page. */
export const PAGE_SIZE: number = 4096;

/** Alignment of large private mappings. Origin: PMD_SIZE of x86-64. */
export const PMD_SIZE: number = 0x20_0000;

/**
 * VMAs that mremap(2) keeps in reserve below the limit: a move may split three times. Origin:
 * move_vma() and check_prep_vma(), mm/mremap.c, Linux 6.18.
 */
export const MREMAP_RESERVE: number = 3;

/** Window of MAP_32BIT. Origin: find_start_end(), arch/x86/kernel/sys_x86_64.c, Linux 6.18. */
export const MAP_32BIT_START: number = 0x4000_0000;
/** Exclusive. */
export const MAP_32BIT_END: number = 0x8000_0000;
