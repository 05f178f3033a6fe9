// SPDX-License-Identifier: MIT
import { createMapleTree } from '@kernel-models/maple-tree';
import { accountPages } from './accounting.ts';
import { NodeGrants, type AllocationPlan } from './allocation.ts';
import { PAGE_SIZE } from './constants.ts';
import type { Machine, OpenFile } from './machine.ts';
import type { Resource } from './operation.ts';
import type { FileSpec, Setup, VmaSpec } from './setup.ts';
import type { State, WorkingState } from './state.ts';
import { parseVmFlags, VM_ACCOUNT, VM_LOCKED } from './vm-flags.ts';
import { NO_CHAIN, vmaPages, type Backing, type Vma } from './vma.ts';
import { VmaTree } from './vma-tree.ts';

/** Numbers of backings: the files of the setup, the program, then what is made later. */
const PROGRAM_ID = 1;
const FIRST_FILE_ID = 2;

/** A program's image is as long as its VMAs need. */
const PROGRAM: Backing = { id: PROGRAM_ID, name: 'probe', pages: Number.MAX_SAFE_INTEGER };

/** The address space before the first operation. */
export function initial(setup: Setup): State {
  const allocations = planOf(setup);
  const machine = machineOf(setup);
  const mm: WorkingState = {
    tree: VmaTree.of(
      createMapleTree<Vma>({
        geometry: setup.geometry ?? (setup.abi === 'arm' ? 'kernel32' : 'kernel64'),
        allocRange: true,
        ...(allocations !== null && { allocator: allocations.nodes }),
      }),
    ),
    mapCount: 0,
    totalVm: 0,
    dataVm: 0,
    stackVm: 0,
    execVm: 0,
    lockedVm: 0,
    committed: 0,
    strandedCharge: 0,
    committedByParents: 0,
    startData: Number(setup.startData),
    endData: Number(setup.endData),
    startBrk: Number(setup.startBrk),
    brk: Number(setup.brk),
    startStack: Number(setup.startStack),
    defFlags: 0,
    mergeAny: false,
    mdwe: false,
    limits: setup.limits,
    rlimit: softLimits(setup),
    capabilities: setup.capabilities,
    nextId: FIRST_FILE_ID + setup.files.length,
    vmasAllocated: 0,
    vmasFreed: 0,
    allocations,
    lockHeld: false,
    oops: null,
    machine,
  };
  setup.vmas.forEach((spec, index) => addVma(mm, spec, index));
  return mm;
}

function planOf({ failAllocations = [] }: Setup): AllocationPlan | null {
  if (failAllocations.length === 0) return null;
  return { fails: failAllocations, made: 0, nodes: new NodeGrants() };
}

function softLimits({ limits }: Setup): Readonly<Record<Resource, number>> {
  return {
    AS: Number(limits.AS.soft),
    DATA: Number(limits.DATA.soft),
    STACK: Number(limits.STACK.soft),
    MEMLOCK: Number(limits.MEMLOCK.soft),
  };
}

function machineOf(setup: Setup): Machine {
  const sysctlMinAddr = Number(setup.mmapMinAddr);
  return {
    abi: setup.abi,
    wordBits: setup.abi === 'arm' ? 32 : 64,
    narrow: setup.abi !== 'x86-64',
    topDown: setup.layout === 'top-down',
    taskSize: Number(setup.taskSize),
    mmapBase: Number(setup.mmapBase),
    mmapLegacyBase: Number(setup.mmapLegacyBase),
    sysctlMinAddr,
    minAddr: Math.max(sysctlMinAddr, Number(setup.lsmMmapMinAddr)),
    stackGuardGap: Number(setup.stackGuardGap),
    maxMapCount: setup.maxMapCount,
    overcommit: setup.overcommit,
    files: setup.files.map(openFile),
    nodes: (1n << BigInt(setup.numaNodes ?? 1)) - 1n,
  };
}

function openFile(
  { access, inode, pages }: FileSpec,
  index: number,
  files: readonly FileSpec[],
): OpenFile {
  // A mapping shows its inode: of two descriptors of one file nobody can tell which was mapped.
  const first = files.findIndex((file) => file.inode === inode);
  return {
    id: FIRST_FILE_ID + index,
    name: `file:${first}`,
    pages,
    readable: access !== 'w',
    writable: access !== 'r',
  };
}

/** Counts what the setup's VMAs amount to, as the kernel has by the time the program runs. */
function addVma(mm: WorkingState, spec: VmaSpec, index: number): void {
  const field = `setup.vmas[${index}]`;
  const start = Number(spec.start);
  const end = Number(spec.end);
  if (start % PAGE_SIZE !== 0 || end % PAGE_SIZE !== 0 || start >= end) {
    throw new RangeError(
      `${field}: expected page-aligned start < end, got ${range(spec.start, spec.end)}`,
    );
  }
  const backing = backingOf(mm, spec, field);
  const anonVma = spec.faulted ? mm.nextId++ : 0;
  const vma: Vma = {
    start,
    end,
    flags: parseVmFlags(spec.flags),
    pgoff: backing === null ? start / PAGE_SIZE : Number(spec.offset / BigInt(PAGE_SIZE)),
    backing,
    anonVma,
    chain: spec.faulted ? [anonVma] : NO_CHAIN,
    policy: null,
    special: isSpecial(spec.name) ? spec.name : null,
  };
  if (mm.tree.maple.insertRange(start, end - 1, vma) < 0) {
    throw new RangeError(
      `${field}: expected a range that nothing else has, got ${range(spec.start, spec.end)}`,
    );
  }
  mm.mapCount++;
  accountPages(mm, vma.flags, vmaPages(vma));
  if ((vma.flags & VM_LOCKED) !== 0) mm.lockedVm += vmaPages(vma);
  if ((vma.flags & VM_ACCOUNT) !== 0) mm.committed += vmaPages(vma);
}

function range(start: bigint, end: bigint): string {
  return `0x${start.toString(16)}-0x${end.toString(16)}`;
}

/** Names that follow from addresses. */
const COMPUTED_NAMES: ReadonlySet<string> = new Set(['', '[heap]', '[stack]']);

function isSpecial(name: string): boolean {
  return name.startsWith('[') && !COMPUTED_NAMES.has(name);
}

function backingOf(
  mm: WorkingState,
  { end, name, offset, start }: VmaSpec,
  field: string,
): Backing | null {
  if (COMPUTED_NAMES.has(name) || isSpecial(name)) return null;
  if (name === 'probe') return PROGRAM;
  if (name === 'shmem') {
    return { id: mm.nextId++, name, pages: Number((offset + end - start) / BigInt(PAGE_SIZE)) };
  }
  const file = mm.machine.files.find((one) => one.name === name);
  if (file !== undefined) return file;
  throw new RangeError(
    `${field}.name: expected nothing, probe, shmem, [...] or file:<index of setup.files>, got ${name}`,
  );
}
