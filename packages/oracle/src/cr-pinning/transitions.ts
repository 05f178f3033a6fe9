// SPDX-License-Identifier: MIT
import {
  CR0_PE,
  CR0_PG,
  CR3_PCID,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  MSR_EFER,
  VECTORS,
  type CpuOperation,
  type CpuOutcome,
  type CpuSetup,
} from '@kernel-models/hw-model/cpu';
import type { Answer, Case } from '../target.ts';
import type { FirmwareProgram } from '../bochs/firmware.ts';

/*
 * What the firmware of probes/bochs can do: one instruction in one of six modes, and the control
 * registers before and behind it. Cases become records of its image, its lines become answers.
 */

/** The program: register transitions. */
export const TRANSITIONS: FirmwareProgram = { name: 'transitions', caseSize: 96 };

/** A case of the CPU model. */
export type CpuCase = Case<CpuSetup, CpuOperation>;

/** Addresses of the firmware's page tables: CR3 of a case says which of them it needs. */
export const PML4_ADDRESS = 0x1_0000n;
export const PDPT_ADDRESS = 0x1_3000n;
export const PAGE_DIRECTORY_ADDRESS = 0x1_4000n;
/** The first PDPTE, and the first entry of the 32-bit page directory after it was used. */
export const FIRST_PDPTE = 0x1_2001n;
export const FIRST_PDE = 0x1_5023n;

/** The instructions, by their numbers in the firmware. */
const OPS = {
  cr0: 0,
  cr4: 1,
  cr3: 2,
  clts: 3,
  lmsw: 4,
  smsw: 5,
  rdmsr: 6,
  wrmsr: 7,
  cr1: 8,
  rsm: 9,
} as const;

/** What is read behind the instruction, in this order. */
export const READS: readonly CpuOperation[] = [
  { op: 'movFromCr', cr: 0 },
  { op: 'movFromCr', cr: 4 },
  { op: 'movFromCr', cr: 3 },
  { op: 'rdmsr', msr: MSR_EFER },
];

interface Encoded {
  readonly op: number;
  readonly value: bigint;
  readonly msr: number;
}

function encodeInstruction(operation: CpuOperation): Encoded | undefined {
  const plain = (op: number, value = 0n, msr = 0): Encoded => ({ op, value, msr });
  switch (operation.op) {
    case 'movToCr':
      if (operation.cr === 0) return plain(OPS.cr0, operation.value);
      if (operation.cr === 4) return plain(OPS.cr4, operation.value);
      if (operation.cr === 3) return plain(OPS.cr3, operation.value);
      return operation.cr === 1 ? plain(OPS.cr1, operation.value) : undefined;
    case 'clts':
      return plain(OPS.clts);
    case 'lmsw':
      return plain(OPS.lmsw, operation.value);
    case 'smsw':
      return plain(OPS.smsw);
    case 'rdmsr':
      return plain(OPS.rdmsr, 0n, operation.msr);
    case 'wrmsr':
      return plain(OPS.wrmsr, operation.value, operation.msr);
    case 'rsm':
      return plain(OPS.rsm);
    default:
      return undefined;
  }
}

/** The firmware's number of the mode that a setup is in. */
function modeOf({ cr0 = 0n, cr4 = 0n, efer = 0n, csL = false }: CpuSetup): number {
  if ((cr0 & CR0_PE) === 0n) return 0;
  if ((cr0 & CR0_PG) === 0n) return 1;
  if ((efer & EFER_LME) !== 0n) return csL ? 5 : 4;
  return (cr4 & CR4_PAE) === 0n ? 2 : 3;
}

/** CR3 that the firmware uses for the registers of a setup, without a PCID. */
export function tableFor({ cr4 = 0n, efer = 0n }: CpuSetup): bigint {
  if ((cr4 & CR4_PAE) === 0n) return PAGE_DIRECTORY_ADDRESS;
  return (efer & EFER_LME) === 0n ? PDPT_ADDRESS : PML4_ADDRESS;
}

/**
 * Why the firmware cannot do a case; undefined: it can. A case is one instruction and then
 * {@link READS}, from a mode with the firmware's own page tables.
 */
export function unsupported({ setup, operations }: CpuCase): string | undefined {
  const [first, ...reads] = operations;
  if (first === undefined || encodeInstruction(first) === undefined) {
    return 'an instruction that the firmware does not have';
  }
  const isRead =
    reads.length === READS.length &&
    reads.every((read, index) => JSON.stringify(read) === JSON.stringify(READS[index]));
  if (!isRead) return 'operations other than one instruction and the reading of the registers';
  if ((setup.cpl ?? 0) !== 0) return 'a privilege level other than 0';
  const { cr3 = 0n, csD = false, csL = false } = setup;
  const mode = modeOf(setup);
  if ((cr3 & ~CR3_PCID) !== tableFor(setup)) return 'page tables other than the firmware’s';
  const isUsualSegment = mode === 0 ? !csD && !csL : mode === 5 ? csL && !csD : csD && !csL;
  return isUsualSegment ? undefined : 'a code segment that is unusual in its mode';
}

/** A case as a record of the image. */
export function encodeCase({ setup, operations }: CpuCase): Uint8Array {
  const [first] = operations;
  const encoded = first === undefined ? undefined : encodeInstruction(first);
  if (encoded === undefined) throw new RangeError('case: expected one that the firmware can do');
  const { cr0 = 0n, cr3 = 0n, cr4 = 0n, efer = 0n, memory = [] } = setup;
  const record = Buffer.alloc(TRANSITIONS.caseSize);
  record.writeUInt32LE(modeOf(setup), 0);
  record.writeUInt32LE(encoded.op, 4);
  record.writeBigUInt64LE(cr0, 8);
  record.writeBigUInt64LE(cr4, 16);
  record.writeBigUInt64LE(efer & ~EFER_LMA, 24);
  record.writeBigUInt64LE(encoded.value, 32);
  record.writeUInt32LE(encoded.msr, 40);
  record.writeUInt32LE(Number(cr3 & CR3_PCID), 44);
  for (let index = 0; index < 4; index += 1) {
    const address = Number(PDPT_ADDRESS) + 8 * index;
    const word = memory.find((one) => one.address === address)?.value;
    record.writeBigUInt64LE(word ?? (index === 0 ? FIRST_PDPTE : 0n), 48 + 8 * index);
  }
  return record;
}

const LINE =
  /^(?:(D)|(F)([0-9a-f]{8})(?:-|\+([0-9a-f]{8}))|(S)([0-9a-f]{8})) ((?:[0-9a-f]{16} ?){5})$/;

/** What the firmware’s line says of a case. */
export function decodeAnswer(
  line: string | undefined,
  { operations }: CpuCase,
): Answer<CpuOutcome> {
  const match = line === undefined ? null : LINE.exec(line.trim());
  if (match === null) return { outcomes: [], failure: `the firmware said ${line ?? 'nothing'}` };
  const [, done, , vector, error, setup, setupVector, registers = ''] = match;
  if (setup !== undefined) {
    return {
      outcomes: [],
      lacks: `the mode cannot be entered: exception ${hexNumber(setupVector)}`,
    };
  }
  const [cr0 = 0n, cr4 = 0n, efer = 0n, cr3 = 0n, value = 0n] = registers
    .trim()
    .split(' ')
    .map((text) => BigInt(`0x${text}`));
  const first =
    done === undefined ? faultOf(vector, error) : completed(operations[0]?.op ?? '', value);
  if (first === undefined) return { outcomes: [], failure: `the firmware said ${line ?? ''}` };
  const reads = [cr0, cr4, cr3, efer].map((read): CpuOutcome => ({ kind: 'value', value: read }));
  return { outcomes: [first, ...reads] };
}

function hexNumber(text: string | undefined): number {
  return Number.parseInt(text ?? '', 16);
}

function completed(op: string, value: bigint): CpuOutcome {
  return op === 'smsw' || op === 'rdmsr' ? { kind: 'value', value } : { kind: 'done' };
}

function faultOf(vector: string | undefined, error: string | undefined): CpuOutcome | undefined {
  const found = VECTORS.find((one) => one === hexNumber(vector));
  if (found === undefined) return undefined;
  const fault = { kind: 'fault', vector: found } as const;
  return error === undefined ? fault : { ...fault, errorCode: hexNumber(error) };
}
