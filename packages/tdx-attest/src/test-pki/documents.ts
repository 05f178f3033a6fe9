// SPDX-License-Identifier: MIT
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { asciiBytes } from '../bytes.ts';
import type { TcbStatus } from '../verify/tcb-status.ts';
import type { IsoTime } from './der.ts';
import type { TestPlatform } from './pck-extension.ts';

/* The documents of a TEST provisioning certification service. */

/** A level of a TEST TCB info. */
export interface TestTcbLevel {
  /** 16 components each; absent ones are 0. */
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  readonly tdx: readonly number[];
  readonly status: TcbStatus;
  readonly advisories?: readonly string[];
}

/** A level of a TEST module or enclave. */
export interface TestIsvLevel {
  readonly isvSvn: number;
  readonly status: TcbStatus;
}

/** The signer of TEST quoting enclaves. */
export const TEST_QE_SIGNER: Uint8Array = sha256(asciiBytes('TEST quoting enclave signer'));
/** SVN of the TEST quoting enclave. */
export const TEST_QE_ISVSVN = 4;
/** Product ids. Origin: Intel's quoting enclaves, QE 1, TD QE 2. */
export const QE_ISVPRODID = { sgx: 1, tdx: 2 } as const;
/** ATTRIBUTES of a quoting enclave: INIT and PROVISION_KEY. */
export const QE_ATTRIBUTES = 0x11;

const NO_SIGNER = '00'.repeat(48);

function hexUpper(bytes: Uint8Array): string {
  return bytesToHex(bytes).toUpperCase();
}

function componentsOf(svns: readonly number[]): readonly { readonly svn: number }[] {
  return Array.from({ length: 16 }, (_, index) => ({ svn: svns[index] ?? 0 }));
}

function isvLevel({ isvSvn, status }: TestIsvLevel): object {
  return { tcb: { isvsvn: isvSvn }, tcbDate: '2024-03-13T00:00:00Z', tcbStatus: status };
}

/** The text of a TCB info. */
export function tcbInfoText(
  tee: 'sgx' | 'tdx',
  platform: TestPlatform,
  window: { readonly from: IsoTime; readonly to: IsoTime },
  levels: readonly TestTcbLevel[],
  moduleLevels: readonly TestIsvLevel[],
): string {
  const signer = {
    mrsigner: NO_SIGNER,
    attributes: '00'.repeat(8),
    attributesMask: 'FF'.repeat(8),
  };
  const tdxOnly = {
    tdxModule: signer,
    tdxModuleIdentities: [{ id: 'TDX_01', ...signer, tcbLevels: moduleLevels.map(isvLevel) }],
  };
  return JSON.stringify({
    id: tee === 'tdx' ? 'TDX' : 'SGX',
    version: 3,
    issueDate: window.from,
    nextUpdate: window.to,
    fmspc: hexUpper(platform.fmspc),
    pceId: hexUpper(platform.pceId),
    tcbType: 0,
    tcbEvaluationDataNumber: 17,
    ...(tee === 'tdx' && tdxOnly),
    tcbLevels: levels.map(({ sgx, pceSvn, tdx, status, advisories }) => ({
      tcb: {
        sgxtcbcomponents: componentsOf(sgx),
        pcesvn: pceSvn,
        ...(tee === 'tdx' && { tdxtcbcomponents: componentsOf(tdx) }),
      },
      tcbDate: '2024-03-13T00:00:00Z',
      tcbStatus: status,
      ...(advisories !== undefined && { advisoryIDs: advisories }),
    })),
  });
}

/** The text of the identity of the TEST quoting enclave. */
export function qeIdentityText(
  tee: 'sgx' | 'tdx',
  window: { readonly from: IsoTime; readonly to: IsoTime },
  levels: readonly TestIsvLevel[],
): string {
  return JSON.stringify({
    id: tee === 'tdx' ? 'TD_QE' : 'QE',
    version: 2,
    issueDate: window.from,
    nextUpdate: window.to,
    tcbEvaluationDataNumber: 17,
    miscselect: '00000000',
    miscselectMask: 'FFFFFFFF',
    attributes: `${QE_ATTRIBUTES.toString(16)}${'00'.repeat(15)}`,
    attributesMask: `FBFFFFFFFFFFFFFF${'00'.repeat(8)}`,
    mrsigner: hexUpper(TEST_QE_SIGNER),
    isvprodid: QE_ISVPRODID[tee],
    tcbLevels: levels.map(isvLevel),
  });
}
