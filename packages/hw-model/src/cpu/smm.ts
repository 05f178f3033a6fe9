// SPDX-License-Identifier: MIT
import type { RuleId } from '@kernel-models/model-core';
import { checklist, firstBroken, fullTrail, type Check, type Checklist } from './checklist.ts';
import { eferUnder } from './commit.ts';
import { VECTOR } from './exception.ts';
import { loadPdptes, pdptesAreInvalid } from './pdpte.ts';
import {
  CR0_CD,
  CR0_DEFINED,
  CR0_EM,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR0_WP,
  CR4_CET,
  CR4_PAE,
  CR4_PCIDE,
  DR7_RESET,
  EFER_LMA,
  EFER_LME,
  LOW_32,
  RFLAGS_FIXED,
} from './registers.ts';
import { init } from './reset.ts';
import { ARCHITECTURE, type Implementation } from './revisions.ts';
import { saveStateMap, type SaveState, type SaveStateLayout } from './save-state.ts';
import { isPaePaging, sameShape, type ControlState } from './state.ts';
import { done, fault, NO_TRAIL, type CpuStep } from './step.ts';
import { isGuestMode } from './virtualization.ts';

/*
 * System-management mode. An SMI saves the CPU's state to SMRAM and starts the handler in a mode
 * like real mode, without any MOV to a control register: paging and everything in CR4 are off. RSM
 * loads whatever the save area holds by then. AMD APM volume 2, "System-Management Mode"; Intel SDM
 * volume 3, "System Management Mode".
 */

/** What an SMI saves. */
export function saveStateOf(
  state: ControlState,
  implementation: Implementation = ARCHITECTURE,
): SaveState {
  const { cr0, cr3, cr4, efer, dr6, dr7, rflags, rip, cs, cpl, smm } = state;
  const layout = layoutOf(state, implementation);
  return {
    layout,
    cr0,
    cr3,
    cr4,
    efer: layout === '32-bit' ? 0n : efer,
    dr6,
    dr7,
    rflags,
    rip,
    smbase: BigInt(smm.smbase),
    guest: isGuestMode(state.virtualization),
    cs,
    cpl,
  };
}

function layoutOf({ features }: ControlState, implementation: Implementation): SaveStateLayout {
  if ((features.eferValid & EFER_LME) === 0n) return '32-bit';
  const isIntels = implementation.intelSaveState && features.vendor === 'intel';
  return isIntels ? 'intel-64-bit' : '64-bit';
}

/**
 * A system-management interrupt, at an instruction boundary. In system-management mode it is kept
 * until RSM; a CPU that waits for a SIPI keeps it too.
 */
export function smi(state: ControlState, implementation: Implementation = ARCHITECTURE): CpuStep {
  if (state.smm.active || state.activity === 'wait-for-sipi') {
    const latched = { ...state.latched, smi: true };
    const rule = state.smm.active ? 'smi.blocked-in-smm' : 'smi.blocked-before-sipi';
    return { state: { ...state, latched }, outcome: { kind: 'latched' }, rule, trail: NO_TRAIL };
  }
  return done(enterSmm(state, implementation), 'smi.delivered');
}

function enterSmm(state: ControlState, implementation: Implementation): ControlState {
  const { smbase } = state.smm;
  return sameShape({
    ...state,
    // WP, CD and NW stay as they are.
    cr0: state.cr0 & ~(CR0_PE | CR0_EM | CR0_TS | CR0_PG),
    cr4: implementation.smiClearsCr4 ? 0n : state.cr4,
    efer: 0n,
    dr7: DR7_RESET,
    rflags: RFLAGS_FIXED,
    rip: 0x8000n,
    cpl: 0,
    cs: { selector: (smbase >>> 4) & 0xffff, base: BigInt(smbase), l: false, d: false },
    activity: 'active',
    nmiBlocked: true,
    virtualization: null,
    smm: {
      ...state.smm,
      active: true,
      image: saveStateOf(state, implementation),
      suspended: state.virtualization,
    },
  });
}

/**
 * A write to the save area, by the handler or by whoever can reach SMRAM. Bytes that belong to no
 * register have no effect here; outside of system-management mode the next SMI overwrites them all.
 *
 * @param offset from SMBASE
 * @param size bytes written, 1, 2, 4 or 8
 * @param value little-endian
 */
export function smramWrite(
  state: ControlState,
  offset: number,
  size: 1 | 2 | 4 | 8,
  value: bigint,
): CpuStep {
  const { image } = state.smm;
  if (!state.smm.active || image === null) return done(state, 'smram.not-in-use');
  let next = image;
  for (const place of saveStateMap(image.layout)) {
    const shift = BigInt(8 * Math.abs(offset - place.offset));
    const isInside = offset < place.offset + place.size && place.offset < offset + size;
    if (!isInside) continue;
    const bytes = BigInt.asUintN(8 * size, value);
    const mask = BigInt.asUintN(8 * size, -1n);
    const [placed, hole] =
      offset >= place.offset ? [bytes << shift, mask << shift] : [bytes >> shift, mask >> shift];
    const field = (image[place.field] & ~hole) | placed;
    next = { ...next, [place.field]: BigInt.asUintN(8 * place.size, field) };
  }
  if (next === image) return done(state, 'smram.no-register');
  const smm = { ...state.smm, image: next };
  return done(sameShape({ ...state, smm }), 'smram.written');
}

/** An image on its way into a CPU. */
export interface RsmLoad {
  readonly state: ControlState;
  readonly image: SaveState;
  /** EFER as it would be: the image's, or, from the 32-bit map, the CPU's own. */
  readonly efer: bigint;
}

function lacks(value: bigint, needed: bigint): boolean {
  return (value & needed) !== needed;
}

function wantsLongMode({ image, efer }: RsmLoad): boolean {
  return (efer & EFER_LME) !== 0n && (image.cr0 & CR0_PG) !== 0n;
}

/**
 * What makes an image invalid. Intel SDM volume 3 and AMD APM volume 2, system-management mode,
 * RSM.
 */
export const RSM_CHECKS: readonly Check<RsmLoad>[] = [
  {
    id: 'rsm.high-half',
    sentence: 'The image has a 1 in bits 63:32 of CR0, DR6 or DR7.',
    origin: 'AMD APM volume 2, "System-Management Mode", RSM',
    broken: ({ image: { cr0, dr6, dr7 } }) => (cr0 | dr6 | dr7) > LOW_32,
  },
  {
    id: 'rsm.cr4-reserved',
    sentence: 'The image has a reserved bit of CR4 set.',
    origin: 'Intel SDM volume 3 and AMD APM volume 2, system-management mode, RSM',
    broken: ({ state, image }) => (image.cr4 & ~state.features.cr4Valid) !== 0n,
  },
  {
    id: 'rsm.pg-needs-pe',
    sentence: 'The image has PG without PE.',
    origin: 'Intel SDM volume 3 and AMD APM volume 2, system-management mode, RSM',
    broken: ({ image: { cr0 } }) => (cr0 & CR0_PG) !== 0n && lacks(cr0, CR0_PE),
  },
  {
    id: 'rsm.nw-needs-cd',
    sentence: 'The image has NW without CD.',
    origin: 'Intel SDM volume 3 and AMD APM volume 2, system-management mode, RSM',
    broken: ({ image: { cr0 } }) => (cr0 & CR0_NW) !== 0n && lacks(cr0, CR0_CD),
  },
  {
    id: 'rsm.efer-reserved',
    sentence: 'The image has a reserved or unsupported bit of EFER set.',
    origin: 'AMD APM volume 2, "System-Management Mode", RSM',
    broken: ({ state, efer }) => (efer & ~(state.features.eferValid | EFER_LMA)) !== 0n,
  },
  {
    id: 'rsm.long-mode-needs-pae',
    sentence: 'The image has LME and PG without PAE.',
    origin: 'AMD APM volume 2, "System-Management Mode", RSM',
    broken: (load) => wantsLongMode(load) && lacks(load.image.cr4, CR4_PAE),
  },
  {
    id: 'rsm.cs-l-and-d',
    sentence: 'The image has both L and D in CS in long mode.',
    origin: 'AMD APM volume 2, "System-Management Mode", RSM',
    broken: (load) => wantsLongMode(load) && load.image.cs.l && load.image.cs.d,
  },
  {
    id: 'rsm.pcide-needs-long-mode',
    sentence: 'The image has PCIDE without long mode.',
    origin: 'Intel SDM volume 3, "System Management Mode", RSM',
    broken: (load) => (load.image.cr4 & CR4_PCIDE) !== 0n && !wantsLongMode(load),
  },
  {
    id: 'rsm.cet-needs-wp',
    sentence: 'The image has CET without WP.',
    origin: 'Intel SDM volume 3, "System Management Mode", RSM',
    broken: ({ image: { cr0, cr4 } }) => (cr4 & CR4_CET) !== 0n && lacks(cr0, CR0_WP),
  },
  {
    id: 'rsm.pdpte-reserved',
    sentence: 'The image leads to PAE paging, and a present PDPTE has a reserved bit.',
    origin: 'Intel SDM volume 3, "Paging", PDPTE registers',
    broken: ({ state, image: { cr0, cr3, cr4 }, efer }) =>
      isPaePaging({ cr0, cr4, efer: eferUnder(cr0, efer) }) && pdptesAreInvalid(state, cr3),
  },
];

const RSM_LIST: Checklist<RsmLoad> = checklist(RSM_CHECKS);
const IN_SMM: readonly RuleId[] = Object.freeze(['rsm.not-in-smm']);
const RSM_TRAIL: readonly RuleId[] = Object.freeze([...IN_SMM, ...fullTrail(RSM_LIST)]);

/**
 * RSM: back to where the SMI came, with whatever the save area says. Then what was kept is
 * delivered.
 */
export function rsm(state: ControlState, implementation: Implementation = ARCHITECTURE): CpuStep {
  const { image } = state.smm;
  if (!state.smm.active || image === null) return fault(state, VECTOR.UD, 'rsm.not-in-smm');
  const efer = image.layout === '32-bit' ? state.efer : image.efer;
  const broken = firstBroken(RSM_LIST, { state, image, efer });
  if (broken !== undefined) {
    const trail = Object.freeze([...IN_SMM, ...broken.trail]);
    const outcome = { kind: implementation.rsmFailure } as const;
    return { state: { ...state, activity: 'shutdown' }, outcome, rule: broken.rule, trail };
  }
  const loaded = loadImage(state, image, efer, implementation);
  return done(deliverLatched(loaded, implementation), 'rsm.resumed', RSM_TRAIL);
}

/** The state with an image that the checks let pass; a new SMBASE counts from now on. */
export function loadImage(
  state: ControlState,
  image: SaveState,
  efer: bigint,
  implementation: Implementation = ARCHITECTURE,
): ControlState {
  const { cr3, cr4, dr6, dr7, rflags, rip, cs, cpl } = image;
  const cr0 = (image.cr0 & CR0_DEFINED) | CR0_ET;
  const { suspended } = state.smm;
  const next = sameShape({
    ...state,
    cr0,
    cr3,
    cr4,
    efer: implementation.rsmComputesLma ? eferUnder(cr0, efer) : efer,
    dr6,
    dr7,
    rflags,
    rip,
    cs,
    cpl,
    nmiBlocked: false,
    virtualization: suspended,
    smm: { smbase: Number(image.smbase & LOW_32), active: false, image, suspended: null },
  });
  return isPaePaging(next) ? loadPdptes(next) : next;
}

/**
 * Events that waited for RSM or a SIPI, by priority. Intel SDM volume 3, "Interrupt and Exception
 * Handling", priorities.
 */
export function deliverLatched(
  state: ControlState,
  implementation: Implementation = ARCHITECTURE,
): ControlState {
  const { latched } = state;
  if (latched.smi) {
    return enterSmm({ ...state, latched: { ...latched, smi: false } }, implementation);
  }
  if (latched.init) {
    return init({ ...state, latched: { ...latched, init: false } }, implementation).state;
  }
  return latched.nmi ? { ...state, latched: { ...latched, nmi: false }, nmiBlocked: true } : state;
}
