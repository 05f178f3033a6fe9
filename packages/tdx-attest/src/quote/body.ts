// SPDX-License-Identifier: MIT
import { viewOf } from '../bytes.ts';
import {
  ENCLAVE_REPORT_OFFSET as ENCLAVE,
  TD_BODY_15_SIZE,
  TD_BODY_OFFSET as TD,
} from './layout.ts';

/**
 * A byte string with named fields, read where they lie. Every field is a view: do not write to it.
 */
abstract class Fields {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  protected field(offset: number, size: number): Uint8Array {
    return this.bytes.subarray(offset, offset + size);
  }

  protected u16(offset: number): number {
    return viewOf(this.bytes).getUint16(offset, true);
  }

  protected u32(offset: number): number {
    return viewOf(this.bytes).getUint32(offset, true);
  }

  protected u64(offset: number): bigint {
    return viewOf(this.bytes).getBigUint64(offset, true);
  }
}

/** The body of a quote over a TD: 584 bytes, or 648 for TDX 1.5. */
export class TdBody extends Fields {
  readonly kind = 'td' as const;

  /** Whether the fields of TDX 1.5 are there. */
  get hasTdx15(): boolean {
    return this.bytes.length === TD_BODY_15_SIZE;
  }
  /** 16 bytes: [0] module SVN, [1] module version, [2] loader SVN. */
  get teeTcbSvn(): Uint8Array {
    return this.field(TD.teeTcbSvn, 16);
  }
  /** Measurement of the TDX module, 48 bytes. */
  get mrSeam(): Uint8Array {
    return this.field(TD.mrSeam, 48);
  }
  /** Signer of the TDX module, 48 bytes: zero for Intel's. */
  get mrSignerSeam(): Uint8Array {
    return this.field(TD.mrSignerSeam, 48);
  }
  get seamAttributes(): bigint {
    return this.u64(TD.seamAttributes);
  }
  get tdAttributes(): bigint {
    return this.u64(TD.tdAttributes);
  }
  get xfam(): bigint {
    return this.u64(TD.xfam);
  }
  get mrTd(): Uint8Array {
    return this.field(TD.mrTd, 48);
  }
  get mrConfigId(): Uint8Array {
    return this.field(TD.mrConfigId, 48);
  }
  get mrOwner(): Uint8Array {
    return this.field(TD.mrOwner, 48);
  }
  get mrOwnerConfig(): Uint8Array {
    return this.field(TD.mrOwnerConfig, 48);
  }
  /** RTMR 0 to 3, 48 bytes each. */
  get rtmr(): readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
    const at = (index: number): Uint8Array => this.field(TD.rtmr + 48 * index, 48);
    return [at(0), at(1), at(2), at(3)];
  }
  /** 64 bytes. */
  get reportData(): Uint8Array {
    return this.field(TD.reportData, 64);
  }
  /** TEE_TCB_SVN of the module that runs since a TD-preserving update; undefined in a 1.0 body. */
  get teeTcbSvn2(): Uint8Array | undefined {
    return this.hasTdx15 ? this.field(TD.teeTcbSvn2, 16) : undefined;
  }
  /** Measurement of bound service TDs; undefined in a 1.0 body. */
  get mrServiceTd(): Uint8Array | undefined {
    return this.hasTdx15 ? this.field(TD.mrServiceTd, 48) : undefined;
  }
}

/**
 * An SGX enclave report: 384 bytes. The body of a quote over an enclave, and of a quoting
 * enclave's own.
 */
export class EnclaveReport extends Fields {
  readonly kind = 'enclave' as const;

  get cpuSvn(): Uint8Array {
    return this.field(ENCLAVE.cpuSvn, 16);
  }
  get miscSelect(): number {
    return this.u32(ENCLAVE.miscSelect);
  }
  get attributes(): Uint8Array {
    return this.field(ENCLAVE.attributes, 16);
  }
  get mrEnclave(): Uint8Array {
    return this.field(ENCLAVE.mrEnclave, 32);
  }
  get mrSigner(): Uint8Array {
    return this.field(ENCLAVE.mrSigner, 32);
  }
  get isvProdId(): number {
    return this.u16(ENCLAVE.isvProdId);
  }
  get isvSvn(): number {
    return this.u16(ENCLAVE.isvSvn);
  }
  get reportData(): Uint8Array {
    return this.field(ENCLAVE.reportData, 64);
  }
}
