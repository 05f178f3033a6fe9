// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';

/** In what TDX modules differ. The bug switches are all off in a real one. */
export interface Features {
  /** Which leaves there are, and whether reports carry TEE_TCB_SVN2. */
  readonly version: '1.0' | '1.5';

  /* Planted bugs. */
  /** RTMR.EXTEND leaves the cached TEE_INFO_HASH as it was. */
  readonly keepsInfoHash: boolean;
  /** TEE_TCB_INFO_HASH is taken over 256 bytes. */
  readonly hashesPadding: boolean;
  /** The MAC does not cover REPORTDATA. */
  readonly macExcludesReportData: boolean;
  /** TDG.MR.REPORT writes its output before it looks at the lock. */
  readonly writesBeforeChecks: boolean;
  /** Only the low byte of R8 is compared. */
  readonly subtypeLowByte: boolean;
  /** Accepting an accepted page zeroes it again. */
  readonly zeroesAccepted: boolean;
  /** VEINFO.GET leaves the information valid. */
  readonly keepsVeInfo: boolean;
}

const TDX_1_5: Features = {
  version: '1.5',
  keepsInfoHash: false,
  hashesPadding: false,
  macExcludesReportData: false,
  writesBeforeChecks: false,
  subtypeLowByte: false,
  zeroesAccepted: false,
  keepsVeInfo: false,
};

/** Every revision of the TDX module, the planted bugs last. */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'tdx-module-1.0',
    source: 'Intel TDX Module 1.0, ABI specification 344425-004',
    date: '2022-06',
    features: { ...TDX_1_5, version: '1.0' },
  },
  {
    id: 'tdx-module-1.5.01',
    source: 'Intel TDX Module 1.5.01 source, src/td_dispatcher',
    date: '2023-03',
    features: TDX_1_5,
  },
  {
    id: 'bug:stale-info-hash',
    base: 'tdx-module-1.5.01',
    features: { keepsInfoHash: true },
    story:
      'Extending an RTMR forgets to drop the cached TEE_INFO_HASH, so reports show old registers.',
    caughtBy: ['tdx.hash-chain'],
  },
  {
    id: 'bug:hash-256',
    base: 'tdx-module-1.5.01',
    features: { hashesPadding: true },
    story: 'TEE_TCB_INFO_HASH covers the struct’s 256 bytes and not the 239 that the CPU hashes.',
    caughtBy: ['tdx.hash-chain'],
  },
  {
    id: 'bug:mac-excludes-reportdata',
    base: 'tdx-module-1.5.01',
    features: { macExcludesReportData: true },
    story: 'The MAC does not cover REPORTDATA, so anybody can put another nonce into a report.',
    caughtBy: ['tdx.report-verifies'],
  },
  {
    id: 'bug:report-writes-before-check',
    base: 'tdx-module-1.5.01',
    features: { writesBeforeChecks: true },
    story: 'The report is written before the last checks, so a failing call changes memory.',
    caughtBy: ['tdx.report-atomic'],
  },
  {
    id: 'bug:subtype-checked-low-byte-only',
    base: 'tdx-module-1.5.01',
    features: { subtypeLowByte: true },
    story: 'Only the low byte of the subtype in R8 is compared: 0x100 is taken for 0.',
    caughtBy: ['tdx.report-subtype'],
  },
  {
    id: 'bug:accept-zeroes-twice',
    base: 'tdx-module-1.5.01',
    features: { zeroesAccepted: true },
    story: 'A second accept wipes a page that is in use.',
    caughtBy: ['tdx.accept-zero'],
  },
  {
    id: 'bug:ve-not-consumed',
    base: 'tdx-module-1.5.01',
    features: { keepsVeInfo: true },
    story: 'VEINFO.GET does not consume the information, so the next #VE becomes a #DF.',
    caughtBy: ['tdx.ve-once'],
  },
];

/**
 * The features of a revision.
 *
 * @throws RangeError where the revision is unknown
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions(
  'hw-model.tdx',
  REVISIONS,
);
