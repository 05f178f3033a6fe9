// SPDX-License-Identifier: MIT
import type { ControlState } from './state.ts';
import type { CpuStep } from './step.ts';
import { exitGuest } from './vm-exit.ts';

/*
 * MSRs in a guest. The permission maps of both vendors let a guest use every MSR that they cover;
 * what they do not cover is the hypervisor's business.
 */

/** A range of MSR numbers, both included. */
type Range = readonly [first: number, last: number];

/** Intel SDM volume 3, "VMX Non-Root Operation", instructions that cause VM exits conditionally. */
const VMX_BITMAPS: readonly Range[] = [
  [0x0000_0000, 0x0000_1fff],
  [0xc000_0000, 0xc000_1fff],
];
/** AMD APM volume 2, "MSR Intercepts", MSR ranges covered by MSRPM. */
const SVM_MAP: readonly Range[] = [...VMX_BITMAPS, [0xc001_0000, 0xc001_1fff]];

/** Intel SDM volume 3, appendix on VMX basic exit reasons. */
const EXIT_REASON_RDMSR = 31n;
const EXIT_REASON_WRMSR = 32n;
/** AMD APM volume 2, appendix on SVM intercept exit codes; EXITINFO1 is 0 for RDMSR, 1 for WRMSR. */
const VMEXIT_MSR = 0x7cn;

function isCovered(ranges: readonly Range[], index: number): boolean {
  return ranges.some(([first, last]) => first <= index && index <= last);
}

/**
 * A guest's RDMSR or WRMSR at CPL 0, before it looks at the MSR. Undefined: nothing intervenes.
 *
 * @param index ECX, 32 bits
 */
export function guestAccessesMsr(
  state: ControlState,
  index: number,
  access: 'read' | 'write',
): CpuStep | undefined {
  const { virtualization } = state;
  if (virtualization === null) return undefined;
  const isRead = access === 'read';
  const rule = 'guest.msr-access-exit';
  if (virtualization.kind === 'svm') {
    if (!virtualization.vmcb.interceptMsrs || isCovered(SVM_MAP, index)) return undefined;
    return exitGuest(state, VMEXIT_MSR, isRead ? 0n : 1n, rule);
  }
  if (virtualization.vmcs === null || isCovered(VMX_BITMAPS, index)) return undefined;
  return exitGuest(state, isRead ? EXIT_REASON_RDMSR : EXIT_REASON_WRMSR, 0n, rule);
}
