// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import type { Invariant, Transition } from '@kernel-models/model-core';
import { areEqual, isZero } from './bytes.ts';
import {
  DIGEST_SIZE,
  PAGE_SIZE,
  TDINFO_SIZE,
  TDREPORT_OFFSET,
  TDREPORT_SIZE,
  TEE_TCB_INFO_SIZE,
} from './constants.ts';
import { access, bytesAt, frameKey } from './guest-memory.ts';
import { TDCALL_LEAF, type LeafName } from './leaves.ts';
import type { Operation, Tdcall } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { verifyReport } from './platform.ts';
import { layOutTdInfo } from './report.ts';
import { featuresOf } from './revisions.ts';
import type { TdState } from './state.ts';
import { decodeStatus, OPERAND } from './status.ts';

type TdInvariant = Invariant<TdState, Operation, Outcome>;
type TdTransition = Transition<TdState, Operation, Outcome>;

/** The TDCALL of a transition, where it is one of this leaf. */
function callOf({ operation }: TdTransition, leaf: LeafName): Tdcall | undefined {
  if (operation.op !== 'tdcall') return undefined;
  return operation.registers.rax === BigInt(TDCALL_LEAF[leaf]) ? operation : undefined;
}

/** The report that a transition wrote, and the REPORTDATA that it was made for. */
function reportOf(
  transition: TdTransition,
): { readonly report: Uint8Array; readonly reportData: Uint8Array } | undefined {
  const { before, step } = transition;
  const call = callOf(transition, 'TDG.MR.REPORT');
  if (call === undefined || step.outcome.kind !== 'completed' || step.outcome.rax !== 0n) {
    return undefined;
  }
  const { rcx = 0n, rdx = 0n } = call.registers;
  const output = access(step.state, rcx, 'private-or-shared');
  const input = access(before, rdx, 'private-or-shared');
  if (output.kind !== 'frame' || input.kind !== 'frame') return undefined;
  return {
    report: bytesAt(output.frame, rcx, TDREPORT_SIZE),
    reportData: bytesAt(input.frame, rdx, 64),
  };
}

function hasDigest(report: Uint8Array, offset: number, hashed: Uint8Array): boolean {
  return areEqual(report.subarray(offset, offset + DIGEST_SIZE), sha384(hashed));
}

/**
 * Every invariant of the TDX module. Histories of several steps are properties of the test suite.
 */
export const INVARIANTS: readonly TdInvariant[] = [
  {
    id: 'tdx.report-echo',
    sentence: 'Bytes 128 to 191 of a report are the REPORTDATA that it was asked for.',
    holds: (transition) => {
      const made = reportOf(transition);
      return made === undefined || areEqual(made.report.subarray(128, 192), made.reportData);
    },
  },
  {
    id: 'tdx.report-verifies',
    sentence: 'The platform takes a report as its own, and not after any change of its REPORTDATA.',
    holds: (transition) => {
      const made = reportOf(transition);
      if (made === undefined) return true;
      const { platform } = transition.before;
      const forged = made.report.slice();
      forged[TDREPORT_OFFSET.reportData] = (forged[TDREPORT_OFFSET.reportData] ?? 0) ^ 1;
      // A module with other hashes still MACs: only the MAC is looked at here.
      const macOf = (report: Uint8Array): boolean => {
        const verdict = verifyReport(platform, report);
        return verdict.ok || verdict.reason !== 'mac';
      };
      return macOf(made.report) && !macOf(forged);
    },
  },
  {
    id: 'tdx.report-subtype',
    sentence: 'A report is made only where all 64 bits of R8 are 0.',
    holds: (transition) =>
      reportOf(transition) === undefined ||
      (callOf(transition, 'TDG.MR.REPORT')?.registers.r8 ?? 0n) === 0n,
  },
  {
    id: 'tdx.report-atomic',
    sentence: 'A TDG.MR.REPORT that does not succeed changes no memory.',
    holds: (transition) => {
      const { before, step } = transition;
      if (callOf(transition, 'TDG.MR.REPORT') === undefined) return true;
      if (step.outcome.kind === 'completed' && step.outcome.rax === 0n) return true;
      return (
        step.state.privateFrames === before.privateFrames &&
        step.state.sharedFrames === before.sharedFrames
      );
    },
  },
  {
    id: 'tdx.hash-chain',
    sentence:
      'A report’s hashes are those of its 239 bytes of TEE_TCB_INFO and of the TDINFO of now.',
    holds: (transition) => {
      const made = reportOf(transition);
      if (made === undefined) return true;
      const { report } = made;
      const { params, measurements } = transition.before;
      const { teeTcbInfo, tdInfo, teeTcbInfoHash, teeInfoHash } = TDREPORT_OFFSET;
      return (
        hasDigest(
          report,
          teeTcbInfoHash,
          report.subarray(teeTcbInfo, teeTcbInfo + TEE_TCB_INFO_SIZE),
        ) &&
        hasDigest(report, teeInfoHash, layOutTdInfo(params, measurements)) &&
        hasDigest(report, teeInfoHash, report.subarray(tdInfo, tdInfo + TDINFO_SIZE))
      );
    },
  },
  {
    id: 'tdx.status-classes',
    sentence: 'Every status has a name, and the details of an invalid one name an operand.',
    holds: ({ step: { outcome } }) => {
      if (outcome.kind !== 'completed' && outcome.kind !== 'seamcall') return true;
      const rax = outcome.kind === 'completed' ? outcome.rax : outcome.status;
      const { name, detailsL2 } = decodeStatus(rax);
      if (name === undefined) return false;
      return name !== 'TDX_OPERAND_INVALID' || OPERAND_NUMBERS.has(detailsL2);
    },
  },
  {
    id: 'tdx.accept-zero',
    sentence:
      'A page reads as zero right after it was accepted, and a second accept changes nothing.',
    holds: (transition) => {
      const { before, step } = transition;
      const call = callOf(transition, 'TDG.MEM.PAGE.ACCEPT');
      if (call === undefined || step.outcome.kind !== 'completed') return true;
      if (step.outcome.rax !== 0n) return step.state.privateFrames === before.privateFrames;
      const gpa = (call.registers.rcx ?? 0n) & ~0xfffn;
      return isZero(step.state.privateFrames[frameKey(gpa)] ?? new Uint8Array(PAGE_SIZE));
    },
  },
  {
    id: 'tdx.ve-once',
    sentence: 'The information on a #VE is given once.',
    holds: (transition) =>
      callOf(transition, 'TDG.VP.VEINFO.GET') === undefined ||
      transition.step.outcome.kind !== 'completed' ||
      transition.step.state.veInfo === null,
  },
  {
    id: 'tdx.version-gate',
    sentence: 'A 1.0 module completes no leaf above 8.',
    holds: ({ operation, step: { outcome }, revision }) => {
      if (operation.op !== 'tdcall' || featuresOf(revision).version === '1.5') return true;
      const leaf = (operation.registers.rax ?? 0n) & 0xffffn;
      return leaf <= 8n || outcome.kind !== 'completed' || outcome.rax !== 0n;
    },
  },
  {
    id: 'tdx.mrtd-fixed',
    sentence: 'MRTD of a running TD never changes.',
    holds: ({ before, step: { state } }) =>
      before.phase !== 'running' || state.measurements.mrTd === before.measurements.mrTd,
  },
];

const OPERAND_NUMBERS: ReadonlySet<number> = new Set(Object.values(OPERAND).map(Number));
