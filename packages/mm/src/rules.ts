// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

/*
 * Every rule that decides an outcome or stands in a trail. A sentence says what holds where the
 * rule is named: why something was refused, or what happened.
 */

const BRK = {
  'brk.below-start': 'A break below the start of the heap is refused: the old one is the answer.',
  'brk.rlimit-data': 'Heap and data segment together exceed RLIMIT_DATA, byte for byte.',
  'brk.same-page': 'The break moves inside its page, and nothing is mapped.',
  'brk.bug-on': 'As posted: shrinking over a heap that is not mapped kills the kernel.',
  'brk.tree-crash': 'As posted, on 32-bit ARM: the store meets a node that the tree holds twice.',
  'brk.nothing-mapped': 'Nothing is mapped in the part of the heap that is given back.',
  'brk.shrink-refused': 'What the heap gives back cannot be unmapped.',
  'brk.shrunk': 'The heap is shorter.',
  'brk.guard-page': 'One free page stays between the heap and the next mapping or its guard gap.',
  'brk.rlimit-memlock': 'The heap is locked as it grows, and RLIMIT_MEMLOCK has no room.',
  'brk.rlimit-size': 'RLIMIT_AS or RLIMIT_DATA has no room for the new pages.',
  'brk.map-count': 'The process has more mappings than vm.max_map_count.',
  'brk.overcommit': 'The new pages cannot be charged.',
  'brk.grown': 'The heap is longer.',
} as const;

const VM_BRK_FLAGS = {
  'vm-brk-flags.nothing': 'No length, nothing to map.',
  'vm-brk-flags.length': 'The length wraps when it is rounded to pages.',
  'vm-brk-flags.flags': 'Bss is executable or ordinary; other flags are refused.',
  'vm-brk-flags.mapped': 'The range is anonymous memory.',
} as const;

const MMAP = {
  'mmap.unaligned-offset': 'The offset is not a multiple of the page size.',
  'mmap.bad-descriptor': 'A mapping that is not anonymous needs an open file.',
  'mmap.empty': 'A mapping has a length.',
  'mmap.length-wraps': 'The length wraps when it is rounded to pages.',
  'mmap.offset-wraps': 'The end of the mapping in the file is more than an offset can say.',
  'mmap.map-count': 'The process has more mappings than vm.max_map_count.',
  'mmap.address-is-error': 'A fixed address at the very end of the space reads as an error number.',
  'mmap.exists': 'MAP_FIXED_NOREPLACE meets a mapping.',
  'mmap.may-not-lock': 'MAP_LOCKED needs CAP_IPC_LOCK or a limit that is not 0.',
  'mmap.rlimit-memlock': 'The mapping is locked, and RLIMIT_MEMLOCK has no room.',
  'mmap.offset-too-large': 'The mapping ends beyond the largest offset of a file.',
  'mmap.unknown-flag': 'MAP_SHARED_VALIDATE refuses flags that it does not know.',
  'mmap.file-not-writable': 'A shared writable mapping needs a file open for writing.',
  'mmap.file-not-readable': 'A mapped file is open for reading.',
  'mmap.growing-file': 'A mapped file does not grow down.',
  'mmap.growing-shared': 'Shared memory does not grow down.',
  'mmap.droppable': 'Droppable memory is neither locked nor growing.',
  'mmap.type': 'The type of a mapping is one that the kernel knows.',
  'mmap.mdwe': 'A process that gave it up maps nothing writable and executable.',
  'mmap.rlimit-size': 'RLIMIT_AS or RLIMIT_DATA has no room, what is replaced not counted.',
  'mmap.overcommit': 'The new pages cannot be charged.',
  'mmap.shared-overcommit': 'The pages of the shared object cannot be charged.',
  'mmap.unmap-refused': 'What is in the way cannot be unmapped.',
  'mmap.mapped': 'The range is mapped.',
} as const;

const AREA = {
  'unmapped-area.longer-than-space': 'The length exceeds the address space.',
  'unmapped-area.beyond-task-size': 'The range ends beyond the address space.',
  'unmapped-area.unaligned': 'A fixed address is page-aligned.',
  'unmapped-area.below-min-addr': 'Below vm.mmap_min_addr, mapping needs CAP_SYS_RAWIO.',
  'unmapped-area.no-room': 'No gap is long enough.',
  'unmapped-area.hint': 'The address asked for is free.',
  'unmapped-area.highest': 'The highest gap that is long enough was taken, at its end.',
  'unmapped-area.below-guard-gap':
    'The gap reaches into the guard gap of a stack: the search goes on below that.',
  'unmapped-area.lowest': 'The lowest gap that is long enough was taken, at its start.',
  'unmapped-area.above-stack':
    'The gap reaches into the guard gap of a stack: the search goes on above the stack.',
  'unmapped-area.huge-aligned': 'Large private memory is aligned for huge pages.',
} as const;

const MUNMAP = {
  'munmap.unaligned': 'The start is page-aligned.',
  'munmap.beyond-task-size': 'The range lies in the address space.',
  'munmap.empty': 'A range to unmap has a length.',
  'munmap.map-count': 'A hole in a mapping makes one more, and the limit is reached.',
  'munmap.sealed': 'A sealed mapping is not unmapped.',
  'munmap.unmapped': 'Nothing is mapped in the range.',
} as const;

const SHAPES = {
  'split.special': 'A mapping of the kernel’s own, such as the vDSO, is not cut.',
  'split.map-count': 'A cut makes one mapping more, and vm.max_map_count is reached.',
  'split.split': 'A mapping was cut in two.',
  'merge.left': 'The range became part of the mapping below.',
  'merge.right': 'The range became part of the mapping above.',
  'merge.both': 'The range joined the mappings below and above into one.',
  'vma.new': 'The range is a mapping of its own.',
  'anon-vma.of-next': 'The anon_vma of the mapping above serves this one too.',
  'anon-vma.of-previous': 'The anon_vma of the mapping below serves this one too.',
  'anon-vma.new': 'The mapping has an anon_vma of its own.',
} as const;

const MPROTECT = {
  'mprotect.grows-both-ways': 'PROT_GROWSDOWN and PROT_GROWSUP exclude each other.',
  'mprotect.unaligned': 'The start is page-aligned.',
  'mprotect.nothing': 'No length, nothing to protect.',
  'mprotect.wraps': 'The end lies above the start.',
  'mprotect.unknown-protection': 'The protection has only bits that the kernel knows.',
  'mprotect.unmapped': 'The range starts in a mapping.',
  'mprotect.not-growing-down': 'PROT_GROWSDOWN needs a mapping that grows down.',
  'mprotect.grows-up': 'No mapping grows up.',
  'mprotect.denied': 'A mapping allows no access that its file or its maker ruled out.',
  'mprotect.mdwe': 'A process that gave it up makes nothing executable.',
  'mprotect.sealed': 'The protection of a sealed mapping stays.',
  'mprotect.rlimit-size': 'RLIMIT_DATA has no room for pages that become writable.',
  'mprotect.overcommit': 'Pages that become writable cannot be charged.',
  'mprotect.hole': 'The range has a hole; what lies before it is changed.',
  'mprotect.changed': 'The range has the protection.',
} as const;

const MREMAP = {
  'mremap.unknown-flag': 'The flags are ones that the kernel knows.',
  'mremap.unaligned': 'The address is page-aligned.',
  'mremap.empty': 'The new length is not 0.',
  'mremap.too-long': 'The new length fits the address space.',
  'mremap.target-beyond-task-size': 'The target lies in the address space.',
  'mremap.target-unaligned': 'The target is page-aligned.',
  'mremap.needs-maymove': 'Who names a target lets the mapping move.',
  'mremap.dontunmap-resizes': 'MREMAP_DONTUNMAP moves pages and does not resize.',
  'mremap.overlaps': 'Source and target do not overlap.',
  'mremap.map-count': 'A move keeps a reserve below vm.max_map_count.',
  'mremap.unmapped': 'Something is mapped at the address.',
  'mremap.sealed': 'A sealed mapping is not moved.',
  'mremap.starts-with-hole': 'What several mappings are moved from starts with a mapping.',
  'mremap.duplicates-private': 'An old length of 0 makes a second mapping of shared memory only.',
  'mremap.dontunmap-special': 'MREMAP_DONTUNMAP is not for special mappings.',
  'mremap.crosses-end': 'The source lies in one mapping.',
  'mremap.resizes-special': 'A special mapping keeps its length.',
  'mremap.rlimit-memlock': 'The mapping is locked, and RLIMIT_MEMLOCK has no room.',
  'mremap.rlimit-size': 'RLIMIT_AS or RLIMIT_DATA has no room.',
  'mremap.overcommit': 'The growth cannot be charged.',
  'mremap.no-room-in-place': 'The mapping cannot grow in place and may not move.',
  'mremap.grown-in-place': 'The mapping grew where it is.',
  'mremap.remapped': 'The mapping is as asked.',
  'move.splits-special': 'A special mapping is moved whole.',
  'move.overcommit': 'What the move adds cannot be charged.',
  'move.source-left': 'The source stays, unlocked; moved whole, without its anon_vma.',
  'move.moved': 'The mapping is at the target.',
} as const;

const LOCKING = {
  'mlock.may-not': 'Locking needs CAP_IPC_LOCK or a limit that is not 0.',
  'mlock.rlimit-memlock': 'RLIMIT_MEMLOCK has no room for what is not locked yet.',
  'mlock.wraps': 'The end lies above the start.',
  'mlock.nothing': 'No length, nothing to do.',
  'mlock.hole': 'The range has a hole; what lies before it is changed.',
  'mlock.not-populated': 'The range is locked, but not every page can be had.',
  'mlock.no-memory': 'The range is locked, but there was no memory for every page.',
  'mlock.locked': 'The range is locked.',
  'mlock.unlocked': 'The range is not locked.',
  'mlock2.flags': 'The only flag is MLOCK_ONFAULT.',
  'mlockall.flags': 'There are flags, known ones, and not MCL_ONFAULT alone.',
  'mlockall.may-not': 'Locking needs CAP_IPC_LOCK or a limit that is not 0.',
  'mlockall.rlimit-memlock': 'The address space exceeds RLIMIT_MEMLOCK.',
  'mlockall.locked': 'What the flags say is locked.',
  'mlockall.unlocked': 'Nothing is locked, nor will be.',
} as const;

const MADVISE = {
  'madvise.advice': 'The advice is one that the kernel knows.',
  'madvise.unaligned': 'The start is page-aligned.',
  'madvise.wraps': 'The length survives rounding, and the end lies above the start.',
  'madvise.nothing': 'No length, nothing to advise.',
  'madvise.sealed': 'What is sealed and cannot be written is not discarded.',
  'madvise.no-memory': 'A mapping cannot be cut now; the caller may try again.',
  'madvise.discards-locked': 'Locked pages are not discarded.',
  'madvise.free-of-file': 'MADV_FREE is for private anonymous memory.',
  'madvise.fork-of-io': 'Device memory is never inherited.',
  'madvise.wipe-of-file': 'MADV_WIPEONFORK is for private anonymous memory.',
  'madvise.keep-droppable': 'Droppable memory is always wiped for a child.',
  'madvise.dump-special': 'Special and droppable mappings are not dumped.',
  'madvise.hole': 'The range has a hole; what is mapped took the advice.',
  'madvise.advised': 'The range took the advice.',
} as const;

const SEAL_AND_POLICY = {
  'mseal.no-such-call': 'The kernel has no mseal(2).',
  'mseal.flags': 'There are no flags.',
  'mseal.unaligned': 'The start is page-aligned.',
  'mseal.wraps': 'The length survives rounding, and the end lies above the start.',
  'mseal.nothing': 'No length, nothing to seal.',
  'mseal.hole': 'The range has no hole, or nothing is sealed.',
  'mseal.sealed': 'The range is sealed.',
  'mbind.mode': 'The mode is one that the kernel knows.',
  'mbind.flags': 'The flags are ones that the kernel knows.',
  'mbind.unaligned': 'The start is page-aligned.',
  'mbind.wraps': 'The end lies above the start.',
  'mbind.nothing': 'No length, nothing to bind.',
  'mbind.nodes': 'The mode and its nodes go together, and one node has memory.',
  'mbind.hole':
    'A policy is for a range without holes; the task’s is for one with something in it.',
  'mbind.bound': 'The range has the policy.',
} as const;

const FAULTS = {
  'touch.beyond-task-size': 'The address is none of user space.',
  'touch.unmapped': 'Nothing is mapped at the address, and no stack grows to it.',
  'touch.denied': 'The mapping does not allow the access.',
  'touch.beyond-end-of-file': 'The file behind the mapping ends before the page.',
  'touch.read': 'The byte was read.',
  'touch.written': 'The byte was written.',
  'stack.below-min-addr': 'A stack does not grow below the lowest address.',
  'stack.guard-gap': 'A stack keeps its guard gap from accessible memory.',
  'stack.offset': 'A stack does not grow beyond the start of what it shows.',
  'stack.rlimit-size': 'RLIMIT_AS has no room for the growth.',
  'stack.rlimit-stack': 'A stack is not longer than RLIMIT_STACK.',
  'stack.rlimit-memlock': 'The stack is locked, and RLIMIT_MEMLOCK has no room.',
  'stack.overcommit': 'The growth cannot be charged.',
  'stack.grown': 'A stack grew to the address.',
} as const;

const PROCESS = {
  'fork.overcommit': 'The child’s private pages cannot be charged.',
  'fork.left-out': 'The child has a hole where the parent said MADV_DONTFORK.',
  'fork.child': 'The child goes on.',
  'fork.parent': 'The parent goes on, as it was.',
  'setrlimit.soft-above-hard': 'The soft limit is at most the hard one.',
  'setrlimit.may-not-raise': 'Raising a hard limit needs CAP_SYS_RESOURCE.',
  'setrlimit.set': 'The limit holds from now on.',
  'capability.dropped': 'The process has the capability no longer.',
  'memory-merge.no-such-option': 'The kernel has no PR_SET_MEMORY_MERGE.',
  'memory-merge.unchanged': 'The switch stood so already.',
  'memory-merge.set': 'Every mapping that can have merged pages is marked, or none.',
  'mdwe.no-such-option': 'The kernel has no PR_SET_MDWE.',
  'mdwe.set': 'Nothing becomes executable from now on.',
  'smaps.read': 'The address space is shown.',
  'memory.none': 'An allocation of the kernel failed, and what was under way was undone.',
  'lock.held': 'The mmap_lock was left locked: the call waits for ever.',
  'oops.dead': 'The kernel died before.',
} as const;

/** The name of a rule. */
export type RuleName =
  | keyof typeof BRK
  | keyof typeof VM_BRK_FLAGS
  | keyof typeof MMAP
  | keyof typeof AREA
  | keyof typeof MUNMAP
  | keyof typeof SHAPES
  | keyof typeof MPROTECT
  | keyof typeof MREMAP
  | keyof typeof LOCKING
  | keyof typeof MADVISE
  | keyof typeof SEAL_AND_POLICY
  | keyof typeof FAULTS
  | keyof typeof PROCESS;

/** Where a family's rules can be read. The longest prefix of a rule's name counts. */
const ORIGINS: readonly (readonly [prefix: string, origin: string])[] = [
  [
    'brk.bug-on',
    'Message-ID 8d77a517-fcc1-5e74-b9d8-2a250dc751ed@gmail.com, the patch quoted there',
  ],
  [
    'brk.tree-crash',
    'mas_update_gap(), lib/maple_tree.c, in Message-ID 8d77a517-fcc1-5e74-b9d8-2a250dc751ed@gmail.com',
  ],
  ['brk.rlimit-data', 'check_data_rlimit(), include/linux/mm.h, Linux 6.18'],
  ['brk.', 'SYSCALL_DEFINE1(brk), mm/mmap.c, and do_brk_flags(), mm/vma.c, Linux 6.18'],
  ['vm-brk-flags.', 'vm_brk_flags(), mm/mmap.c, Linux 6.18'],
  ['mmap.rlimit-size', '__mmap_setup(), mm/vma.c, Linux 6.18; mmap_region(), mm/mmap.c, Linux 6.1'],
  ['mmap.overcommit', '__mmap_setup(), mm/vma.c, Linux 6.18; mmap_region(), mm/mmap.c, Linux 6.1'],
  ['mmap.address-is-error', '__get_unmapped_area(), mm/mmap.c, Linux 6.18: IS_ERR_VALUE()'],
  ['mmap.shared-overcommit', 'shmem_zero_setup(), mm/shmem.c, Linux 6.18'],
  ['mmap.unmap-refused', 'mmap_region(), mm/mmap.c, Linux 6.1'],
  ['mmap.', 'ksys_mmap_pgoff() and do_mmap(), mm/mmap.c, Linux 6.18'],
  ['unmapped-area.huge', '__thp_get_unmapped_area(), mm/huge_memory.c, Linux 6.18'],
  [
    'unmapped-area.hint',
    'arch_get_unmapped_area_topdown(), arch/x86/kernel/sys_x86_64.c, Linux 6.18',
  ],
  [
    'unmapped-area.',
    '__get_unmapped_area(), mm/mmap.c, and vm_unmapped_area(), mm/vma.c, Linux 6.18',
  ],
  ['munmap.', 'do_vmi_munmap() and vms_gather_munmap_vmas(), mm/vma.c, Linux 6.18'],
  ['split.', 'split_vma() and __split_vma(), mm/vma.c, Linux 6.18'],
  ['merge.', 'vma_merge_new_range() and vma_merge_existing_range(), mm/vma.c, Linux 6.18'],
  ['vma.', '__mmap_new_vma(), mm/vma.c, Linux 6.18'],
  [
    'anon-vma.',
    '__anon_vma_prepare(), mm/rmap.c, and find_mergeable_anon_vma(), mm/vma.c, Linux 6.18',
  ],
  ['mprotect.', 'do_mprotect_pkey() and mprotect_fixup(), mm/mprotect.c, Linux 6.18'],
  ['mremap.', 'do_mremap(), mm/mremap.c, Linux 6.18; sys_mremap(), mm/mremap.c, Linux 6.12'],
  ['move.', 'move_vma() and dontunmap_complete(), mm/mremap.c, Linux 6.18'],
  ['mlockall.', 'sys_mlockall() and apply_mlockall_flags(), mm/mlock.c, Linux 6.18'],
  ['mlock', 'do_mlock() and apply_vma_lock_flags(), mm/mlock.c, Linux 6.18'],
  ['madvise.', 'do_madvise() and madvise_vma_behavior(), mm/madvise.c, Linux 6.18'],
  ['mseal.', 'do_mseal(), mm/mseal.c, Linux 6.18'],
  ['mbind.', 'do_mbind() and mpol_new(), mm/mempolicy.c, Linux 6.18'],
  [
    'touch.',
    'lock_mm_and_find_vma(), mm/mmap_lock.c, and handle_mm_fault(), mm/memory.c, Linux 6.18',
  ],
  ['stack.', 'expand_downwards() and acct_stack_growth(), mm/vma.c, Linux 6.18'],
  ['fork.', 'dup_mmap(), mm/mmap.c, Linux 6.18'],
  ['setrlimit.', 'do_prlimit(), kernel/sys.c, Linux 6.18'],
  ['capability.', 'capabilities(7)'],
  ['memory-merge.', 'ksm_enable_merge_any(), mm/ksm.c, Linux 6.18'],
  ['mdwe.', 'prctl_set_mdwe(), kernel/sys.c, Linux 6.18'],
  ['smaps.', 'show_smap(), fs/proc/task_mmu.c, Linux 6.18'],
  [
    'memory.',
    'vm_area_alloc(), kernel/fork.c, and mas_preallocate(), lib/maple_tree.c, Linux 6.18',
  ],
  ['lock.', 'vm_brk_flags(), mm/mmap.c, Linux 6.1: the exit that holds the lock'],
  ['oops.', 'BUG_ON(), include/asm-generic/bug.h, Linux 6.18'],
];

function originOf(id: string): string {
  const found = ORIGINS.find(([prefix]) => id.startsWith(prefix));
  if (found === undefined) throw new Error(`${id}: expected an origin, got none`);
  return found[1];
}

/** Every rule of the model. */
export const RULES: readonly Rule[] = [
  BRK,
  VM_BRK_FLAGS,
  MMAP,
  AREA,
  MUNMAP,
  SHAPES,
  MPROTECT,
  MREMAP,
  LOCKING,
  MADVISE,
  SEAL_AND_POLICY,
  FAULTS,
  PROCESS,
].flatMap((family) =>
  Object.entries(family).map(([id, sentence]) => ({ id, sentence, origin: originOf(id) })),
);
