// SPDX-License-Identifier: MIT
import { errnoName, type Errno } from '@kernel-models/model-core';
import { canDoMlock, mlockFutureOk } from './accounting.ts';
import { isAtMapLimit } from './add-vma.ts';
import { argument, pageAlignLength } from './arguments.ts';
import type { Call, MmStep } from './call.ts';
import { PAGE_SIZE } from './constants.ts';
import {
  MAP_ANONYMOUS,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  MAP_NONBLOCK,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_STACK,
  MAP_TYPE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
} from './flags.ts';
import type { OpenFile } from './machine.ts';
import { mmapRegion, type Mapping } from './mmap-region.ts';
import type { OperationOf } from './operation.ts';
import { populate } from './populate.ts';
import { isRefusal, refusal, type Refusal } from './refusal.ts';
import { getUnmappedArea, roundHintToMin } from './unmapped-area.ts';
import {
  VM_DONTDUMP,
  VM_DROPPABLE,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_LOCKED,
  VM_MAYEXEC,
  VM_MAYREAD,
  VM_MAYSHARE,
  VM_MAYWRITE,
  VM_NOHUGEPAGE,
  VM_NORESERVE,
  VM_READ,
  VM_SHARED,
  VM_WIPEONFORK,
  VM_WRITE,
} from './vm-flags.ts';

/* mmap(2). Reads beside ksys_mmap_pgoff() and do_mmap(), mm/mmap.c, Linux 6.18. */

/** Flags that MAP_SHARED_VALIDATE accepts for every file. Origin: LEGACY_MAP_MASK, linux/mman.h. */
const LEGACY_MAP_MASK = 0xfc07_f9f3;

/** What may be refused on the way from the arguments to a mapping. */
interface Request {
  readonly file: OpenFile | null;
  readonly length: number;
  readonly flags: number;
  readonly pgoff: number;
}

const BAD_FD = refusal('EBADF', 'mmap.bad-descriptor');
const UNALIGNED_OFFSET = refusal('EINVAL', 'mmap.unaligned-offset');
const EMPTY = refusal('EINVAL', 'mmap.empty');
const LENGTH_WRAPS = refusal('ENOMEM', 'mmap.length-wraps');
const OFFSET_WRAPS = refusal('EOVERFLOW', 'mmap.offset-wraps');
const COUNT = refusal('ENOMEM', 'mmap.map-count');
const EXISTS = refusal('EEXIST', 'mmap.exists');
const MAY_NOT_LOCK = refusal('EPERM', 'mmap.may-not-lock');
const LIMIT_MEMLOCK = refusal('EAGAIN', 'mmap.rlimit-memlock');

/** mmap(2). */
export function mmap(call: Call, operation: OperationOf<'mmap'>): MmStep {
  const { mm } = call;
  const request = readArguments(call, operation);
  if (isRefusal(request)) return call.refuse(request);
  const { length, file } = request;
  if (isAtMapLimit(call)) return call.refuse(COUNT);
  const mistaken = mistakenForError(call, operation, length);
  if (mistaken !== undefined) return call.errno(mistaken, 'mmap.address-is-error');

  const given = argument(mm.machine, operation.address);
  const isFixed = (request.flags & MAP_FIXED) !== 0;
  const start = getUnmappedArea(call, {
    address: isFixed ? given : roundHintToMin(call, given),
    length,
    flags: request.flags,
    mayBeHuge: file === null && (request.flags & MAP_SHARED) === 0,
  });
  if (isRefusal(start)) return call.refuse(start);
  if ((request.flags & MAP_FIXED_NOREPLACE) !== 0) {
    if (mm.tree.find(start, start + length - 1) !== null) return call.refuse(EXISTS);
  }
  if ((request.flags & MAP_LOCKED) !== 0 && !canDoMlock(mm)) return call.refuse(MAY_NOT_LOCK);
  const wanted = flagsWanted(call, operation.prot, request.flags);
  if (!mlockFutureOk(mm, wanted, length)) return call.refuse(LIMIT_MEMLOCK);

  const mapping = typeOf(call, start, request, wanted, operation.prot);
  if (isRefusal(mapping)) return call.refuse(mapping);
  const refused = mmapRegion(call, mapping);
  if (refused !== undefined) return call.refuse(refused);

  const isPopulated = (request.flags & (MAP_POPULATE | MAP_NONBLOCK)) === MAP_POPULATE;
  if (isPopulated || (mapping.flags & VM_LOCKED) !== 0) {
    call.keepWhatIsDone();
    populate(call, start, start + length);
  }
  return call.value(start, 'mmap.mapped');
}

/**
 * The kernel hands addresses and errors on in one word: a fixed address among the last 4095 bytes of
 * the space is taken for the error of that number. Mirrors IS_ERR_VALUE(), include/linux/err.h.
 */
function mistakenForError(
  { mm }: Call,
  { address, flags }: OperationOf<'mmap'>,
  length: number,
): Errno | undefined {
  const isFixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  if (!isFixed || mm.machine.narrow || length > mm.machine.taskSize) return undefined;
  const number = (1n << 64n) - address;
  return number <= 4095n ? errnoName(Number(number)) : undefined;
}

/** What the arguments say by themselves. */
function readArguments(call: Call, operation: OperationOf<'mmap'>): Request | Refusal {
  const { machine } = call.mm;
  const isMmap2 = machine.narrow;
  if (!isMmap2 && (operation.offset & 0xfffn) !== 0n) return UNALIGNED_OFFSET;
  const isAnonymous = (operation.flags & MAP_ANONYMOUS) !== 0;
  const file = isAnonymous ? null : (machine.files[operation.fd] ?? null);
  if (!isAnonymous && file === null) return BAD_FD;
  if (argument(machine, operation.length) === 0) return EMPTY;
  const length = pageAlignLength(machine, operation.length);
  if (length === 0) return LENGTH_WRAPS;
  // Exact: 64 bits less 12 are fewer than 53. mmap2() is passed pages, of 32 bits.
  const pages = operation.offset >> 12n;
  const pgoff = Number(isMmap2 ? BigInt.asUintN(32, pages) : pages);
  if (machine.wordBits === 32 && pgoff + length / PAGE_SIZE >= 2 ** 32) return OFFSET_WRAPS;
  const { flags } = operation;
  return {
    file,
    length,
    pgoff,
    flags: (flags & MAP_FIXED_NOREPLACE) !== 0 ? flags | MAP_FIXED : flags,
  };
}

/** Mirrors calc_vm_prot_bits() and calc_vm_flag_bits(), include/linux/mman.h. */
function flagsWanted({ features, mm }: Call, prot: number, flags: number): number {
  return (
    ((prot & PROT_READ) !== 0 ? VM_READ : 0) |
    ((prot & PROT_WRITE) !== 0 ? VM_WRITE : 0) |
    ((prot & PROT_EXEC) !== 0 ? VM_EXEC : 0) |
    ((flags & MAP_GROWSDOWN) !== 0 ? VM_GROWSDOWN : 0) |
    ((flags & MAP_LOCKED) !== 0 ? VM_LOCKED : 0) |
    ((flags & MAP_STACK) !== 0 && features.stacksAvoidHuge ? VM_NOHUGEPAGE : 0) |
    mm.defFlags |
    VM_MAYREAD |
    VM_MAYWRITE |
    VM_MAYEXEC
  );
}

const FILE_TOO_LONG = refusal('EOVERFLOW', 'mmap.offset-too-large');
const UNKNOWN_FLAG = refusal('EOPNOTSUPP', 'mmap.unknown-flag');
const NOT_WRITABLE = refusal('EACCES', 'mmap.file-not-writable');
const NOT_READABLE = refusal('EACCES', 'mmap.file-not-readable');
const GROWING_FILE = refusal('EINVAL', 'mmap.growing-file');
const GROWING_SHARED = refusal('EINVAL', 'mmap.growing-shared');
const DROPPABLE = refusal('EINVAL', 'mmap.droppable');
const TYPE = refusal('EINVAL', 'mmap.type');

/** What the type of the mapping makes of the flags. */
function typeOf(
  call: Call,
  start: number,
  request: Request,
  wanted: number,
  prot: number,
): Mapping | Refusal {
  const typed =
    request.file === null
      ? anonymousType(call, start, request, wanted)
      : fileType(request, request.file, wanted, prot);
  if (isRefusal(typed)) return typed;
  const isReserved = (request.flags & MAP_NORESERVE) !== 0 && call.mm.machine.overcommit.mode !== 2;
  return {
    start,
    length: request.length,
    ...typed,
    flags: typed.flags | (isReserved ? VM_NORESERVE : 0),
  };
}

type Typed = Pick<Mapping, 'flags' | 'pgoff' | 'backing'>;

function fileType(
  { flags, length, pgoff }: Request,
  file: OpenFile,
  wanted: number,
  prot: number,
): Typed | Refusal {
  if (pgoff > (2 ** 63 - length) / PAGE_SIZE - 1) return FILE_TOO_LONG;
  let vmFlags = wanted;
  switch (flags & MAP_TYPE) {
    case MAP_SHARED:
    case MAP_SHARED_VALIDATE: {
      const validates = (flags & MAP_TYPE) === MAP_SHARED_VALIDATE;
      if (validates && (flags & ~LEGACY_MAP_MASK) !== 0) return UNKNOWN_FLAG;
      if ((prot & PROT_WRITE) !== 0 && !file.writable) return NOT_WRITABLE;
      vmFlags |= VM_SHARED | VM_MAYSHARE;
      if (!file.writable) vmFlags &= ~(VM_MAYWRITE | VM_SHARED);
      break;
    }
    case MAP_PRIVATE:
      break;
    default:
      return TYPE;
  }
  if (!file.readable) return NOT_READABLE;
  if ((vmFlags & VM_GROWSDOWN) !== 0) return GROWING_FILE;
  return { flags: vmFlags, pgoff, backing: file };
}

function anonymousType(
  { features, mm }: Call,
  start: number,
  { flags, length }: Request,
  wanted: number,
): Typed | Refusal {
  const grows = (wanted & VM_GROWSDOWN) !== 0;
  switch (flags & MAP_TYPE) {
    case MAP_SHARED: {
      if (grows) return GROWING_SHARED;
      const backing = { id: mm.nextId, name: 'shmem', pages: length / PAGE_SIZE };
      return { flags: wanted | VM_SHARED | VM_MAYSHARE, pgoff: 0, backing };
    }
    case MAP_PRIVATE:
      return { flags: wanted, pgoff: start / PAGE_SIZE, backing: null };
    case MAP_DROPPABLE: {
      if (!features.droppable || mm.machine.abi === 'arm') return TYPE;
      if ((flags & MAP_LOCKED) !== 0 || grows) return DROPPABLE;
      const extra = VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
      return { flags: wanted | extra, pgoff: start / PAGE_SIZE, backing: null };
    }
    default:
      return TYPE;
  }
}
