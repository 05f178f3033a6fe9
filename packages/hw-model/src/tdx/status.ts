// SPDX-License-Identifier: MIT

/*
 * Completion statuses of the TDX module. Origin: Intel TDX Module 1.5.01 source,
 * tdx_error_codes_defs; Intel TDX Module ABI specification, "Function Completion Status".
 */

/** Statuses that a guest can meet, without operand details. */
export const TDX_STATUS = {
  TDX_SUCCESS: 0x0000_0000_0000_0000n,
  TDX_NON_RECOVERABLE_VCPU: 0x4000_0001_0000_0000n,
  TDX_NON_RECOVERABLE_TD: 0x6000_0002_0000_0000n,
  TDX_INTERRUPTED_RESUMABLE: 0x8000_0003_0000_0000n,
  TDX_NON_RECOVERABLE_TD_CORRUPTED_MD: 0x6000_000a_0000_0000n,
  TDX_OPERAND_INVALID: 0xc000_0100_0000_0000n,
  TDX_OPERAND_ADDR_RANGE_ERROR: 0xc000_0101_0000_0000n,
  TDX_OPERAND_BUSY: 0x8000_0200_0000_0000n,
  TDX_PREVIOUS_TLB_EPOCH_BUSY: 0x8000_0201_0000_0000n,
  TDX_SYS_BUSY: 0x8000_0202_0000_0000n,
  TDX_RND_NO_ENTROPY: 0x8000_0203_0000_0000n,
  TDX_OPERAND_BUSY_HOST_PRIORITY: 0x8000_0204_0000_0000n,
  TDX_HOST_PRIORITY_BUSY_TIMEOUT: 0x9000_0205_0000_0000n,
  TDX_TD_FATAL: 0xe000_0604_0000_0000n,
  TDX_OP_STATE_INCORRECT: 0xc000_0608_0000_0000n,
  TDX_NO_VALID_VE_INFO: 0xc000_0704_0000_0000n,
  TDX_EPT_WALK_FAILED: 0xc000_0b00_0000_0000n,
  TDX_EPT_ENTRY_NOT_PRESENT: 0xc000_0b03_0000_0000n,
  TDX_PAGE_ALREADY_ACCEPTED: 0x0000_0b0a_0000_0000n,
  TDX_PAGE_SIZE_MISMATCH: 0xc000_0b0b_0000_0000n,
  TDX_EPT_ENTRY_STATE_INCORRECT: 0xc000_0b0d_0000_0000n,
  TDX_PAGE_ATTR_INVALID: 0xc000_0b11_0000_0000n,
  TDX_METADATA_FIELD_ID_INCORRECT: 0xc000_0c00_0000_0000n,
  TDX_METADATA_FIELD_NOT_WRITABLE: 0xc000_0c01_0000_0000n,
  TDX_METADATA_FIELD_NOT_READABLE: 0xc000_0c02_0000_0000n,
  TDX_METADATA_FIELD_VALUE_NOT_VALID: 0xc000_0c03_0000_0000n,
  TDX_INVALID_CPUSVN: 0xc000_1000_0000_0000n,
  TDX_INVALID_REPORTMACSTRUCT: 0xc000_1001_0000_0000n,
} as const;

/** A status by its name in the specification. */
export type TdxStatusName = keyof typeof TDX_STATUS;

/** What the details of an operand status name. RSP, number 4, is never used. */
export const OPERAND = {
  RAX: 0n,
  RCX: 1n,
  RDX: 2n,
  RBX: 3n,
  RBP: 5n,
  RSI: 6n,
  RDI: 7n,
  R8: 8n,
  R9: 9n,
  R10: 10n,
  R11: 11n,
  R12: 12n,
  R13: 13n,
  R14: 14n,
  R15: 15n,
  ATTRIBUTES: 64n,
  XFAM: 65n,
  MAX_VCPUS: 68n,
  TDR: 128n,
  TDCS: 144n,
  TDVPS: 145n,
  SEPT_TREE: 146n,
  SEPT_ENTRY: 147n,
  RTMR: 168n,
  TD_EPOCH: 169n,
  OP_STATE: 172n,
  METADATA_FIELD: 176n,
} as const;

/** An operand by its name in the specification. */
export type OperandName = keyof typeof OPERAND;

const DETAILS = 0xffff_ffffn;

/** A status with its details, bits 31:0. */
export function statusWith(name: TdxStatusName, details: bigint = 0n): bigint {
  return TDX_STATUS[name] | (details & DETAILS);
}

/** TDX_OPERAND_INVALID for an operand: `0xC000010000000001` for RCX. */
export function operandInvalid(operand: OperandName): bigint {
  return statusWith('TDX_OPERAND_INVALID', OPERAND[operand]);
}

/** TDX_OPERAND_BUSY for a lock. */
export function operandBusy(operand: OperandName): bigint {
  return statusWith('TDX_OPERAND_BUSY', OPERAND[operand]);
}

/** A completion status taken apart. */
export interface TdxStatus {
  /** Bit 63. Without it and with a non-zero high half the status is a warning. */
  readonly error: boolean;
  /** Bit 62. */
  readonly nonRecoverable: boolean;
  /** Bit 61. */
  readonly fatal: boolean;
  /** Bit 60. */
  readonly hostRecoverabilityHint: boolean;
  /** Bits 47:40. */
  readonly class: number;
  /** Bits 39:32. */
  readonly detailsL1: number;
  /** Bits 31:0: an operand, a level, or two halves of 16 bits. */
  readonly detailsL2: number;
  /** The name of bits 63:32, where the table has one. */
  readonly name: TdxStatusName | undefined;
}

const NAME_BY_HIGH_HALF: ReadonlyMap<bigint, TdxStatusName> = new Map(
  Object.entries(TDX_STATUS).map(([name, value]) => [value >> 32n, name as TdxStatusName]),
);

/** Takes RAX as a TDCALL left it apart. Callers compare bits 63:32 alone: the rest is details. */
export function decodeStatus(rax: bigint): TdxStatus {
  return {
    error: ((rax >> 63n) & 1n) === 1n,
    nonRecoverable: ((rax >> 62n) & 1n) === 1n,
    fatal: ((rax >> 61n) & 1n) === 1n,
    hostRecoverabilityHint: ((rax >> 60n) & 1n) === 1n,
    class: Number((rax >> 40n) & 0xffn),
    detailsL1: Number((rax >> 32n) & 0xffn),
    detailsL2: Number(rax & DETAILS),
    name: NAME_BY_HIGH_HALF.get(rax >> 32n),
  };
}
