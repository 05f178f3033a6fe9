// SPDX-License-Identifier: MIT
import {
  CAPABILITIES,
  codec,
  type Capability,
  type Limit,
  type Operation,
  type Resource,
  type Setup,
} from '@kernel-models/mm';
import { decode, deepEqual, DecodeError, type Decoder, type Json } from '@kernel-models/model-core';
import type { Hello } from '../probe/protocol.ts';
import type { Case } from '../target.ts';

/** What the probe of mm adds to its hello. */
const factsDecoder = decode.object({
  /** Setups without what a case asks for. */
  starts: decode.array(someObject()),
  numaNodes: decode.integer(1),
  capabilities: decode.array(decode.oneOf(CAPABILITIES)),
  protectionKeys: decode.boolean,
});

function someObject(): Decoder<Readonly<Record<string, Json>>> {
  return (json, field) => {
    if (json === null || typeof json !== 'object' || Array.isArray(json)) {
      throw new DecodeError(field, 'an object', json);
    }
    return json as Readonly<Record<string, Json>>;
  };
}

/** RLIM_INFINITY. Origin: include/uapi/asm-generic/resource.h. */
export const INFINITY: bigint = 0xffff_ffff_ffff_ffffn;

/** What a user of most distributions may lock. Origin: MLOCK_LIMIT, include/uapi/linux/resource.h. */
export const MEMLOCK_LIMIT: bigint = 8n << 20n;

/** What a process that nobody limits has. */
export const USUAL_LIMITS: Readonly<Record<Resource, Limit>> = {
  AS: { soft: INFINITY, hard: INFINITY },
  DATA: { soft: INFINITY, hard: INFINITY },
  STACK: { soft: 8n << 20n, hard: INFINITY },
  MEMLOCK: { soft: MEMLOCK_LIMIT, hard: MEMLOCK_LIMIT },
};

/**
 * The processes that a kernel starts, as the probe found them: one for each ABI and layout, with
 * the usual limits, no capabilities and no files.
 *
 * @throws DecodeError where the hello is another probe's
 */
export function processesOf({ facts }: Hello): readonly Setup[] {
  const { starts, numaNodes } = factsDecoder(facts, 'hello');
  const limits = Object.fromEntries(
    Object.entries(USUAL_LIMITS).map(([resource, { soft, hard }]) => [
      resource,
      { soft: `0x${soft.toString(16)}`, hard: `0x${hard.toString(16)}` },
    ]),
  );
  return starts.map((start) =>
    codec.decodeSetup({ ...start, limits, capabilities: [], files: [], numaNodes }),
  );
}

/** The capabilities that nobody can have there. */
export function missingCapabilities({ facts }: Hello): readonly Capability[] {
  const { capabilities } = factsDecoder(facts, 'hello');
  return CAPABILITIES.filter((capability) => !capabilities.includes(capability));
}

/** The first address that is none of user space, of each ABI. Origin: TASK_SIZE_MAX, IA32_PAGE_OFFSET. */
const TASK_SIZES: Readonly<Record<Setup['abi'], bigint | undefined>> = {
  'x86-64': 0x7fff_ffff_f000n,
  i386: 0xffff_e000n,
  arm: undefined,
};

/** What kernel it takes to answer at all; undefined where this one can. */
export function requires(hello: Hello): string | undefined {
  const processes = processesOf(hello);
  if (processes.length === 0) return 'a process of the probe: none could be started';
  const odd = processes.find(({ abi, taskSize }) => TASK_SIZES[abi] !== taskSize);
  if (odd !== undefined) return 'address spaces of 47 bits (boot parameter no5lvl)';
  if (processes.some(({ overcommit }) => overcommit.mode === 2)) {
    return 'sysctl vm.overcommit_memory other than 2: others commit memory too';
  }
  return undefined;
}

/** Why a case cannot be put to a kernel, naming what is missing there; undefined where it can. */
export function lacks(
  { setup, operations }: Case<Setup, Operation>,
  hello: Hello,
): string | undefined {
  if (setup.failAllocations !== undefined && setup.failAllocations.length > 0) {
    return 'allocations that fail by plan, which the model alone has';
  }
  if (operations.some(({ op }) => op === 'vmBrkFlags')) {
    return 'vm_brk_flags(), which no system call reaches';
  }
  const missing = missingCapabilities(hello);
  const unavailable = setup.capabilities.filter((capability) => missing.includes(capability));
  if (unavailable.length > 0) return unavailable.join(', ');
  if (factsDecoder(hello.facts, 'hello').protectionKeys && makesExecuteOnly(operations)) {
    return 'memory that may be executed and so read (boot parameter nopku)';
  }
  const process = processesOf(hello).find(
    ({ abi, layout }) => abi === setup.abi && layout === setup.layout,
  );
  if (process === undefined) return `a process of the ABI ${setup.abi}`;
  const field = differingField(setup, process);
  return field === undefined ? undefined : `a process that begins as the case's does (${field})`;
}

const PROT_BITS = 7;
const PROT_EXEC_ONLY = 4;

function makesExecuteOnly(operations: readonly Operation[]): boolean {
  return operations.some(
    (operation) => 'prot' in operation && (operation.prot & PROT_BITS) === PROT_EXEC_ONLY,
  );
}

/** What a case asks for, and so need not be as it was found. */
const ASKED: readonly string[] = ['limits', 'capabilities', 'files', 'geometry', 'failAllocations'];

/** Whether a process that begins as one of the setups says can also be what the other asks for. */
export function beginsAlike(a: Setup, b: Setup): boolean {
  return differingField(a, b) === undefined && differingField(b, a) === undefined;
}

function differingField(setup: Setup, process: Setup): string | undefined {
  const found = new Map(Object.entries(process));
  return Object.entries(setup).find(
    ([name, value]) => !ASKED.includes(name) && !deepEqual(value, found.get(name)),
  )?.[0];
}
