// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  encodePlain,
  ERRNO_NAMES,
  plainCodec,
  type Codec,
  type Decoder,
  type Json,
} from '@kernel-models/model-core';
import { isVmFlags } from './vm-flags.ts';
import {
  MADV_NAMES,
  MADV_UNMODELLED,
  MAP_NAMES,
  MAP_UNMODELLED,
  MCL_NAMES,
  MLOCK_NAMES,
  MPOL_MF_NAMES,
  MPOL_NAMES,
  MREMAP_NAMES,
  PROT_NAMES,
  VM_BRK_NAMES,
  type FlagNames,
} from './flags.ts';
import { CAPABILITIES, RESOURCES, type Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { ABIS, TREE_GEOMETRIES, type Setup } from './setup.ts';

const { array, boolean, hex, integer, object, oneOf, optional, string, union } = decode;

const U32_MAX = 0xffff_ffff;
const u32 = hex(0n, BigInt(U32_MAX));

/** A word of flags: names, and one `0x…` string of the bits that have none. */
function flags(names: FlagNames, unmodelled: number = 0): Decoder<number> {
  const item: Decoder<number> = (json, field) => {
    if (typeof json === 'string' && json.startsWith('0x')) return Number(u32(json, field));
    return names[oneOf(Object.keys(names))(json, field)] ?? 0;
  };
  return (json, field) => {
    const word = array(item)(json, field).reduce((bits, bit) => (bits | bit) >>> 0, 0);
    if ((word & unmodelled) === 0) return word;
    throw new DecodeError(field, `flags that are modelled, none of ${hexOf(unmodelled)}`, json);
  };
}

/** One of several numbers: its name, or a `0x…` string. */
function choice(names: FlagNames, unmodelled: readonly number[] = []): Decoder<number> {
  return (json, field) => {
    const named = typeof json === 'string' ? names[json] : undefined;
    if (named !== undefined) return named;
    if (typeof json !== 'string' || !json.startsWith('0x')) {
      throw new DecodeError(field, `one of ${Object.keys(names).join(', ')} or 0x…`, json);
    }
    const value = Number(u32(json, field));
    if (!unmodelled.includes(value)) return value;
    throw new DecodeError(field, 'a number that is modelled', json);
  };
}

function hexOf(word: number): string {
  return `0x${(word >>> 0).toString(16)}`;
}

function encodeFlags(word: number, names: FlagNames): Json {
  const known = Object.entries(names).filter(([, bit]) => (word & bit) === bit);
  const rest = known.reduce((bits, [, bit]) => bits & ~bit, word) >>> 0;
  return [...known.map(([name]) => name), ...(rest === 0 ? [] : [hexOf(rest)])];
}

function encodeChoice(value: number, names: FlagNames): Json {
  return Object.entries(names).find(([, number]) => number === value)?.[0] ?? hexOf(value);
}

const range = { address: hex(), length: hex() };

const operation: Decoder<Operation> = union('op', {
  brk: { address: hex() },
  mmap: {
    ...range,
    prot: flags(PROT_NAMES),
    flags: flags(MAP_NAMES, MAP_UNMODELLED),
    fd: integer(-1, 1023),
    offset: hex(),
  },
  munmap: range,
  mremap: {
    address: hex(),
    oldLength: hex(),
    newLength: hex(),
    flags: flags(MREMAP_NAMES),
    newAddress: hex(),
  },
  vmBrkFlags: { ...range, flags: flags(VM_BRK_NAMES) },
  mprotect: { ...range, prot: flags(PROT_NAMES) },
  madvise: { ...range, advice: choice(MADV_NAMES, MADV_UNMODELLED) },
  mlock: range,
  mlock2: { ...range, flags: flags(MLOCK_NAMES) },
  munlock: range,
  mlockall: { flags: flags(MCL_NAMES) },
  munlockall: {},
  mseal: { ...range, flags: flags({}) },
  mbind: { ...range, mode: choice(MPOL_NAMES), nodes: hex(), flags: flags(MPOL_MF_NAMES) },
  touchRead: { address: hex() },
  touchWrite: { address: hex() },
  fork: { follow: oneOf(['parent', 'child']) },
  setrlimit: { resource: oneOf(RESOURCES), soft: hex(), hard: hex() },
  dropCap: { capability: oneOf(CAPABILITIES) },
  setMemoryMerge: { on: boolean },
  setMdwe: {},
  smaps: {},
});

const pages = integer(0);
const perms: Decoder<string> = (json, field) => {
  const text = string(json, field);
  if (!/^[r-][w-][x-][ps]$/.test(text)) throw new DecodeError(field, 'perms such as rw-p', json);
  return text;
};
/** VmFlags, `??` for a flag that the kernel has no name for. */
const vmFlags: Decoder<string> = (json, field) => {
  const text = string(json, field);
  if (!isVmFlags(text)) throw new DecodeError(field, 'VmFlags such as rd wr mr mw me ac', json);
  return text;
};

const outcome: Decoder<Outcome> = union('kind', {
  value: { value: hex() },
  errno: { errno: oneOf(ERRNO_NAMES) },
  smaps: {
    vmas: array(
      object({ start: hex(), end: hex(), perms, offset: hex(), name: string, flags: vmFlags }),
    ),
    totals: object({ size: pages, locked: pages, data: pages, stack: pages }),
  },
  oops: { at: oneOf(['brk', 'mas_update_gap']) },
  hangs: { lock: oneOf(['mmap_lock']) },
});

const limit = object({ soft: hex(), hard: hex() });
const overcommitMode: Decoder<0 | 1 | 2> = (json, field) => {
  if (json !== 0 && json !== 1 && json !== 2) throw new DecodeError(field, '0, 1 or 2', json);
  return json;
};

const setup: Decoder<Setup> = object({
  abi: oneOf(ABIS),
  geometry: optional(oneOf(TREE_GEOMETRIES)),
  layout: oneOf(['top-down', 'bottom-up']),
  taskSize: hex(),
  mmapBase: hex(),
  mmapLegacyBase: hex(),
  mmapMinAddr: hex(),
  lsmMmapMinAddr: hex(),
  stackGuardGap: hex(),
  startData: hex(),
  endData: hex(),
  startBrk: hex(),
  brk: hex(),
  startStack: hex(),
  limits: object({ AS: limit, DATA: limit, STACK: limit, MEMLOCK: limit }),
  capabilities: array(oneOf(CAPABILITIES)),
  maxMapCount: integer(1),
  overcommit: object({ mode: overcommitMode, totalPages: pages, commitLimit: pages }),
  files: array(object({ pages, access: oneOf(['r', 'w', 'rw']), inode: pages })),
  vmas: array(
    object({
      start: hex(),
      end: hex(),
      flags: vmFlags,
      offset: hex(),
      name: string,
      faulted: boolean,
    }),
  ),
  numaNodes: optional(integer(1, 64)),
  failAllocations: optional(array(integer(1))),
});

/** The words of an operation that are not spelled as numbers. */
function encodeWords(value: Operation): Readonly<Record<string, Json>> {
  switch (value.op) {
    case 'mmap':
      return {
        prot: encodeFlags(value.prot, PROT_NAMES),
        flags: encodeFlags(value.flags, MAP_NAMES),
      };
    case 'mprotect':
      return { prot: encodeFlags(value.prot, PROT_NAMES) };
    case 'mremap':
      return { flags: encodeFlags(value.flags, MREMAP_NAMES) };
    case 'vmBrkFlags':
      return { flags: encodeFlags(value.flags, VM_BRK_NAMES) };
    case 'madvise':
      return { advice: encodeChoice(value.advice, MADV_NAMES) };
    case 'mlock2':
      return { flags: encodeFlags(value.flags, MLOCK_NAMES) };
    case 'mlockall':
      return { flags: encodeFlags(value.flags, MCL_NAMES) };
    case 'mseal':
      return { flags: encodeFlags(value.flags, {}) };
    case 'mbind':
      return {
        mode: encodeChoice(value.mode, MPOL_NAMES),
        flags: encodeFlags(value.flags, MPOL_MF_NAMES),
      };
    default:
      return {};
  }
}

/** Setups, operations and outcomes as traces spell them. */
export const codec: Codec<Setup, Operation, Outcome> = {
  ...plainCodec({ setup, operation, outcome }),
  encodeOperation: (value) => encodePlain({ ...value, ...encodeWords(value) }, 'operation'),
};
