// SPDX-License-Identifier: MIT
import * as MM from '@kernel-models/mm';
import type { OperationOf } from '@kernel-models/mm';
import type { Errno } from '@kernel-models/model-core';
import * as VM from './vm-flags.ts';
import { canLock, isCharged, mayCommit, mayExpand, mayLock } from './accounting.ts';
import { populate } from './fault.ts';
import { mergeMapped } from './merge.ts';
import { lowestAddress, unmappedArea } from './placement.ts';
import { alignDown, alignUp, inRange, insert, isAligned, PAGE } from './state.ts';
import { argument, pagesOf, wrap } from './state.ts';
import type { Backing, Process, Refusal, Vma } from './state.ts';
import { detachable, drop } from './unmap.ts';

/** Flags that MAP_SHARED_VALIDATE does not complain about. */
const VALID_FLAGS =
  MM.MAP_SHARED |
  MM.MAP_PRIVATE |
  MM.MAP_FIXED |
  MM.MAP_ANONYMOUS |
  MM.MAP_32BIT |
  MM.MAP_GROWSDOWN |
  MM.MAP_DENYWRITE |
  MM.MAP_EXECUTABLE |
  MM.MAP_LOCKED |
  MM.MAP_NORESERVE |
  MM.MAP_POPULATE |
  MM.MAP_NONBLOCK |
  MM.MAP_STACK;

const LARGEST_FILE = 0x7fff_ffff_ffff_ffffn;

/** What will be mapped, as far as it is known. */
interface Request {
  prot: number;
  flags: number;
  vmFlags: number;
  file: number | null;
  pgoff: bigint;
  length: bigint;
}

/** mmap(2): the address. */
export function mmap(process: Process, operation: OperationOf<'mmap'>): bigint | Errno {
  const { setup } = process;
  const compat = setup.abi !== 'x86-64';
  // mmap2 counts in pages: 32 bits of them, and no odd bytes.
  const offset = compat ? BigInt.asUintN(44, alignDown(operation.offset)) : operation.offset;
  if (!isAligned(offset)) return 'EINVAL';
  const anonymous = (operation.flags & MM.MAP_ANONYMOUS) !== 0;
  const file = anonymous ? null : operation.fd;
  if (file !== null && setup.files[file] === undefined) return 'EBADF';
  const given = argument(setup, operation.length);
  if (given === 0n) return 'EINVAL';
  const noReplace = (operation.flags & MM.MAP_FIXED_NOREPLACE) !== 0;
  const flags = operation.flags | (noReplace ? MM.MAP_FIXED : 0);
  const hint = roundHint(process, argument(setup, operation.address), flags);
  const length = alignUp(process, given);
  if (length === 0n) return 'ENOMEM';
  const pgoff = offset / PAGE;
  if (wrap(process, pgoff + length / PAGE) < pgoff) return 'EOVERFLOW';
  if (process.vmas.length > setup.maxMapCount) return 'ENOMEM';
  const vmFlags = initialFlags(process, operation.prot, flags);

  const isPrivate = (flags & MM.MAP_SHARED) === 0;
  const huge = file === null && isPrivate ? { offset: pgoff * PAGE } : null;
  const address = unmappedArea(process, { hint, length, flags, huge });
  if (typeof address === 'string') return address;
  if (noReplace && inRange(process, address, address + length).length > 0) return 'EEXIST';
  if ((flags & MM.MAP_LOCKED) !== 0 && !canLock(process)) return 'EPERM';
  if (!mayLock(process, vmFlags, length / PAGE)) return 'EAGAIN';

  const request: Request = { prot: operation.prot, flags, vmFlags, file, pgoff, length };
  const refusal = applyType(process, request, address) ?? region(process, request, address);
  if (refusal !== null) return refusal;
  const locks = (request.vmFlags & VM.VM_LOCKED) !== 0;
  const asks = (flags & (MM.MAP_POPULATE | MM.MAP_NONBLOCK)) === MM.MAP_POPULATE;
  if (locks || asks) populate(process, address, address + length, false);
  return address;
}

function roundHint(process: Process, address: bigint, flags: number): bigint {
  if ((flags & MM.MAP_FIXED) !== 0) return address;
  const hint = alignDown(address);
  const lowest = lowestAddress(process);
  return hint !== 0n && hint < lowest ? alignUp(process, lowest) : hint;
}

/** vm_flags of protections: PROT_READ and so on. */
export function accessFlags(prot: number): number {
  const read = (prot & MM.PROT_READ) !== 0 ? VM.VM_READ : 0;
  const write = (prot & MM.PROT_WRITE) !== 0 ? VM.VM_WRITE : 0;
  const exec = (prot & MM.PROT_EXEC) !== 0 ? VM.VM_EXEC : 0;
  return read | write | exec;
}

function initialFlags(process: Process, prot: number, flags: number): number {
  return (
    accessFlags(prot) |
    process.defFlags |
    (VM.VM_MAYREAD | VM.VM_MAYWRITE | VM.VM_MAYEXEC) |
    ((flags & MM.MAP_GROWSDOWN) !== 0 ? VM.VM_GROWSDOWN : 0) |
    ((flags & MM.MAP_LOCKED) !== 0 ? VM.VM_LOCKED : 0) |
    ((flags & MM.MAP_STACK) !== 0 && process.rules.stackWithoutHuge ? VM.VM_NOHUGEPAGE : 0)
  );
}

function applyType(process: Process, request: Request, address: bigint): Refusal {
  const refusal =
    request.file === null
      ? anonymousType(process, request, address)
      : fileType(process, request, request.file);
  if (refusal !== null) return refusal;
  const reserves = process.setup.overcommit.mode === 2;
  if ((request.flags & MM.MAP_NORESERVE) !== 0 && !reserves) request.vmFlags |= VM.VM_NORESERVE;
  return null;
}

function fileType({ setup }: Process, request: Request, index: number): Refusal {
  const access = setup.files[index]?.access ?? 'rw';
  const readable = access !== 'w';
  const writable = access !== 'r';
  const { flags, pgoff, length } = request;
  if (length > LARGEST_FILE || pgoff > (LARGEST_FILE - length) / PAGE) return 'EOVERFLOW';
  const type = flags & MM.MAP_TYPE;
  if (type === MM.MAP_SHARED || type === MM.MAP_SHARED_VALIDATE) {
    const unknown = type === MM.MAP_SHARED_VALIDATE && (flags & ~VALID_FLAGS) !== 0;
    if (unknown) return 'EOPNOTSUPP';
    if ((request.prot & MM.PROT_WRITE) !== 0 && !writable) return 'EACCES';
    request.vmFlags |= VM.VM_SHARED | VM.VM_MAYSHARE;
    if (!writable) request.vmFlags &= ~(VM.VM_MAYWRITE | VM.VM_SHARED);
  } else if (type !== MM.MAP_PRIVATE) {
    return 'EINVAL';
  }
  if (!readable) return 'EACCES';
  return (request.vmFlags & VM.VM_GROWSDOWN) !== 0 ? 'EINVAL' : null;
}

function anonymousType(process: Process, request: Request, address: bigint): Refusal {
  const grows = (request.vmFlags & VM.VM_GROWSDOWN) !== 0;
  switch (request.flags & MM.MAP_TYPE) {
    case MM.MAP_SHARED:
      if (grows) return 'EINVAL';
      request.pgoff = 0n;
      request.vmFlags |= VM.VM_SHARED | VM.VM_MAYSHARE;
      return null;
    case MM.MAP_DROPPABLE:
      if (!process.rules.droppable) return 'EINVAL';
      if ((request.flags & MM.MAP_LOCKED) !== 0 || grows) return 'EINVAL';
      request.vmFlags |= VM.VM_DROPPABLE | VM.VM_NORESERVE;
      request.vmFlags |= VM.VM_WIPEONFORK | VM.VM_DONTDUMP;
      request.pgoff = address / PAGE;
      return null;
    case MM.MAP_PRIVATE:
      request.pgoff = address / PAGE;
      return null;
    default:
      return 'EINVAL';
  }
}

/** Whether memory would be writable and executable, which PR_SET_MDWE forbids. */
function writesAndExecutes(vmFlags: number): boolean {
  const both = VM.VM_WRITE | VM.VM_EXEC;
  return (vmFlags & both) === both;
}

/** mmap_region(): makes room, and maps. */
function region(process: Process, request: Request, start: bigint): Refusal {
  const end = start + request.length;
  if (process.mdwe && writesAndExecutes(request.vmFlags)) return 'EACCES';
  const refusal = process.rules.mmapUnmapsFirst
    ? makeRoomFirst(process, request, start, end)
    : makeRoomLast(process, request, start, end);
  if (refusal !== null) return refusal;
  const shared = request.file === null && (request.vmFlags & VM.VM_SHARED) !== 0;
  const counted = (request.vmFlags & VM.VM_NORESERVE) === 0;
  // The object of shared memory is made when the old mappings are gone already.
  if (shared && counted && !mayCommit(process, request.length / PAGE)) return 'ENOMEM';
  mapRegion(process, request, start, end);
  return null;
}

function sumPages(vmas: readonly Vma[], start: bigint, end: bigint): bigint {
  return vmas.reduce((sum, vma) => {
    const from = vma.start > start ? vma.start : start;
    const to = vma.end < end ? vma.end : end;
    return sum + (to - from) / PAGE;
  }, 0n);
}

/** Linux 6.1: limits, then the old mappings go, then the whole length is charged. */
function makeRoomFirst(process: Process, request: Request, start: bigint, end: bigint): Refusal {
  const pages = request.length / PAGE;
  const old = sumPages(inRange(process, start, end), start, end);
  if (!mayExpand(process, request.vmFlags, pages - old)) return 'ENOMEM';
  if (detachable(process, start, end) !== null) return 'ENOMEM';
  drop(process, start, end);
  if (isCharged(request.vmFlags)) {
    if (!mayCommit(process, pages)) return 'ENOMEM';
    request.vmFlags |= VM.VM_ACCOUNT;
  }
  return null;
}

/** Since 6.12: the old mappings are split off, and go when nothing can fail any more. */
function makeRoomLast(process: Process, request: Request, start: bigint, end: bigint): Refusal {
  const refusal = detachable(process, start, end);
  if (refusal !== null) return refusal;
  const pages = request.length / PAGE;
  const old = inRange(process, start, end);
  if (!mayExpand(process, request.vmFlags, pages - sumPages(old, start, end))) return 'ENOMEM';
  if (isCharged(request.vmFlags)) {
    const charged = old.filter(({ flags }) => (flags & VM.VM_ACCOUNT) !== 0);
    if (!mayCommit(process, pages - sumPages(charged, start, end))) return 'ENOMEM';
    request.vmFlags |= VM.VM_ACCOUNT;
  }
  drop(process, start, end);
  return null;
}

function mapRegion(process: Process, request: Request, start: bigint, end: bigint): void {
  const { rules } = process;
  const mergeable = process.mergeAny && canShareSamePages(request.vmFlags) ? VM.VM_MERGEABLE : 0;
  const early = rules.memoryMerge === 'before-merging' ? mergeable : 0;
  const vma: Vma = {
    start,
    end,
    flags: request.vmFlags | early,
    pgoff: request.pgoff,
    backing: backingOf(process, request),
    anonVma: null,
    chain: [],
    policy: null,
  };
  const merged = mergeMapped(process, vma);
  if (merged === null) insert(process, { ...vma, flags: request.vmFlags | mergeable });
  if ((request.vmFlags & VM.VM_LOCKED) !== 0) process.lockedVm += pagesOf(vma);
}

function backingOf(process: Process, request: Request): Backing {
  if (request.file !== null) return { kind: 'file', index: request.file };
  if ((request.vmFlags & VM.VM_SHARED) === 0) return { kind: 'anonymous' };
  return { kind: 'shmem', serial: process.serial++, pages: request.length / PAGE };
}

/** Memory whose equal pages may become one: PR_SET_MEMORY_MERGE marks it. */
export function canShareSamePages(flags: number): boolean {
  const never = VM.VM_SHARED | VM.VM_MAYSHARE | VM.VM_SPECIAL | VM.VM_DROPPABLE;
  return (flags & never) === 0;
}
