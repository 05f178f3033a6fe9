// SPDX-License-Identifier: MIT
import { checklist, firstBroken, type Check } from './checklist.ts';
import { eferUnder } from './commit.ts';
import { VECTOR } from './exception.ts';
import {
  CR0_CD,
  CR0_DEFINED,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  EFER_LMA,
  EFER_LME,
  EFER_SVME,
  LOW_32,
} from './registers.ts';
import { loadPdptes, pdptesAreInvalid } from './pdpte.ts';
import { isPaePaging, isRealMode, sameShape, type ControlState } from './state.ts';
import { done, fault, type CpuStep } from './step.ts';
import type { HostSave, Vmcb, VmcbSave } from './virtualization.ts';
import { exitGuest } from './vm-exit.ts';

/*
 * VMRUN with its consistency checks, and the host save area. AMD APM volume 2, "Secure Virtual
 * Machine", VMRUN and #VMEXIT.
 */

/** VMEXIT_INVALID, -1 as 64 bits. */
export const VMEXIT_INVALID: bigint = (1n << 64n) - 1n;
/** The intercept of VMRUN, without which no guest starts. */
export const VMEXIT_VMRUN = 0x80n;

/** A VMCB on its way into a CPU. */
export interface Vmrun {
  readonly state: ControlState;
  readonly save: VmcbSave;
}

const NW_CD = CR0_NW | CR0_CD;

function wantsLongMode({ cr0, efer }: VmcbSave): boolean {
  return (efer & EFER_LME) !== 0n && (cr0 & CR0_PG) !== 0n;
}

/** What makes a guest illegal. AMD APM volume 2, "Canonicalization and Consistency Checks". */
export const VMRUN_CHECKS: readonly Check<Vmrun>[] = [
  {
    id: 'vmrun.svme',
    sentence: 'The guest has EFER.SVME clear.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save }) => (save.efer & EFER_SVME) === 0n,
  },
  {
    id: 'vmrun.nw-needs-cd',
    sentence: 'The guest has NW without CD.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save }) => (save.cr0 & NW_CD) === CR0_NW,
  },
  {
    id: 'vmrun.cr0-high-half',
    sentence: 'The guest has a 1 in bits 63:32 of CR0.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save }) => save.cr0 > LOW_32,
  },
  {
    id: 'vmrun.cr3-reserved',
    sentence: 'The guest has a bit of CR3 above the physical address set.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ state, save }) =>
      wantsLongMode(save) && save.cr3 >> BigInt(state.features.maxPhyAddr) !== 0n,
  },
  {
    id: 'vmrun.cr4-reserved',
    sentence: 'The guest has a reserved bit of CR4 set.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ state, save }) => (save.cr4 & ~state.features.cr4Valid) !== 0n,
  },
  {
    id: 'vmrun.debug-high-half',
    sentence: 'The guest has a 1 in bits 63:32 of DR6 or DR7.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save: { dr6, dr7 } }) => (dr6 | dr7) > LOW_32,
  },
  {
    id: 'vmrun.efer-reserved',
    sentence: 'The guest has a reserved bit of EFER set.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ state, save }) => (save.efer & ~(state.features.eferValid | EFER_LMA)) !== 0n,
  },
  {
    id: 'vmrun.long-mode',
    sentence: 'The guest has LME and PG without PAE or without PE.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save }) =>
      wantsLongMode(save) && ((save.cr4 & CR4_PAE) === 0n || (save.cr0 & CR0_PE) === 0n),
  },
  {
    id: 'vmrun.cs-l-and-d',
    sentence: 'The guest has both L and D in CS in long mode.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save }) => wantsLongMode(save) && save.csL && save.csD,
  },
  {
    id: 'vmrun.cet-needs-wp',
    sentence: 'The guest has CR4.CET without CR0.WP.',
    origin: 'AMD APM volume 2, "Canonicalization and Consistency Checks"',
    broken: ({ save }) => (save.cr4 & CR4_CET) !== 0n && (save.cr0 & CR0_WP) === 0n,
  },
  {
    id: 'vmrun.pdpte-reserved',
    sentence: 'The guest is in PAE paging, and a present PDPTE has a reserved bit.',
    origin: 'AMD APM volume 2, "VMRUN Instruction", loading guest state',
    broken: ({ state, save: { cr0, cr3, cr4, efer } }) =>
      isPaePaging({ cr0, cr4, efer: eferUnder(cr0, efer) }) && pdptesAreInvalid(state, cr3),
  },
];

const VMRUN_LIST = checklist(VMRUN_CHECKS);

/**
 * VMRUN: keeps the host's control registers and loads the guest's. Nested paging is not on, so that
 * a guest in PAE paging has its PDPTEs loaded.
 */
export function vmrun(state: ControlState, vmcb: Vmcb): CpuStep {
  const isAvailable =
    (state.efer & EFER_SVME) !== 0n && !isRealMode(state) && state.virtualization?.kind !== 'vmx';
  if (!isAvailable) return fault(state, VECTOR.UD, 'vmrun.no-svme');
  if (state.cpl > 0) return fault(state, VECTOR.GP, 'vmrun.needs-cpl0');
  if (state.virtualization?.kind === 'svm') {
    return exitGuest(state, VMEXIT_VMRUN, 0n, 'vmrun.in-guest');
  }
  const { save } = vmcb;
  const broken = firstBroken(VMRUN_LIST, { state, save });
  if (broken !== undefined) {
    const outcome = { kind: 'exit', reason: VMEXIT_INVALID, qualification: 0n } as const;
    return { state, outcome, ...broken };
  }
  return done(loadGuest(state, vmcb), 'vmrun.done');
}

function loadGuest(state: ControlState, vmcb: Vmcb): ControlState {
  const { save } = vmcb;
  const { cr0: hostCr0, cr3, cr4, efer, cs } = state;
  const cr0 = (save.cr0 & CR0_DEFINED) | CR0_ET;
  const next = sameShape({
    ...state,
    cr0,
    cr2: save.cr2,
    cr3: save.cr3,
    cr4: save.cr4,
    efer: eferUnder(cr0, save.efer),
    dr6: save.dr6,
    dr7: save.dr7,
    cpl: isRealMode({ cr0 }) ? 0 : save.cpl,
    cs: { ...cs, l: save.csL, d: save.csD },
    virtualization: {
      kind: 'svm',
      vmcb,
      vTpr: save.vTpr,
      host: { cr0: hostCr0, cr3, cr4, efer, csL: cs.l, csD: cs.d },
    },
  });
  return isPaePaging(next) ? loadPdptes(next) : next;
}

/** Somebody writes the host save area, which lies in memory, while the guest runs. */
export function hostSaveWrite(state: ControlState, host: HostSave): CpuStep {
  if (state.virtualization?.kind !== 'svm') return done(state, 'host-save.not-in-use');
  return done({ ...state, virtualization: { ...state.virtualization, host } }, 'host-save.written');
}
