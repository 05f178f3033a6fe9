// SPDX-License-Identifier: MIT
import {
  resolveRevisions,
  type Revision,
  type RevisionId,
  type RuleId,
} from '@kernel-models/model-core';
import { checklist, type Check, type Checklist } from './checklist.ts';
import {
  CR0_PDPTE_CHECK,
  CR0_TRANSITION_CHECKS,
  CR0_VALUE_CHECKS,
  leadsToPaePaging,
  type RegisterWrite,
} from './cr0-checks.ts';
import { CR4_PDPTE_CHECK, CR4_TRANSITION_CHECKS, CR4_VALUE_CHECKS } from './cr4-checks.ts';
import { EFER_CHECKS, EFER_LMA_STRICT } from './efer-checks.ts';
import { pdptesAreInvalid } from './pdpte.ts';
import { CR0_PG, CR4_CET, CR4_PKE, CR4_PKS, CR4_SMAP, EFER_LME } from './registers.ts';
import { isPaePaging } from './state.ts';

/** In what implementations of the architecture differ. */
export interface Features {
  /** Checks that are not made. */
  readonly unchecked: readonly RuleId[];
  /** Bits 63:32 of the source of a MOV to CR0 or CR4 are ignored also in 64-bit mode. */
  readonly truncatesCrWrites: boolean;
  /** Reserved bits among the low 32 of CR0 are kept, and read back. */
  readonly keepsReservedCr0: boolean;
  /** Writing LMA with another value than it has is #GP(0), as the AMD manual says. */
  readonly strictLma: boolean;
  /** 32-bit and PAE paging cannot be turned on. */
  readonly noLegacyPaging: boolean;
  /**
   * In PAE paging more writes load the PDPTEs than those that the manual lists: every write of CR0,
   * LMSW too, and those of CR4 that change SMAP, PKE, CET or PKS.
   */
  readonly loadsPdptesEagerly: boolean;
  /** The PAT takes memory types that do not exist. */
  readonly takesAnyPat: boolean;
  /** LMA follows LME and PG. */
  readonly updatesLma: boolean;
  /** A refused write of CR0 changes nothing. */
  readonly refusesWhole: boolean;
  /** LMSW leaves PE as it is where the source has it clear. */
  readonly lmswKeepsPe: boolean;
  /** SMI delivery clears CR4. */
  readonly smiClearsCr4: boolean;
  /** RSM takes LMA from LME and PG, not from the image. */
  readonly rsmComputesLma: boolean;
  /** An SMI of an Intel CPU with long mode saves the state in Intel's map, not in AMD64's. */
  readonly intelSaveState: boolean;
  /** What becomes of an RSM from an invalid image. */
  readonly rsmFailure: 'shutdown' | 'internalError';
  /** INIT leaves CR0.CD and NW as they are. */
  readonly initKeepsCaching: boolean;
}

const ARCHITECTURE_FEATURES: Features = {
  unchecked: [],
  truncatesCrWrites: false,
  keepsReservedCr0: false,
  strictLma: false,
  noLegacyPaging: false,
  loadsPdptesEagerly: false,
  takesAnyPat: false,
  updatesLma: true,
  refusesWhole: true,
  lmswKeepsPe: true,
  smiClearsCr4: true,
  rsmComputesLma: true,
  intelSaveState: false,
  rsmFailure: 'shutdown',
  initKeepsCaching: true,
};

/** The invariants of one state that a half-written register can break. */
const CONSISTENCY_IDS = [
  'cpu.lma-iff-lme-and-pg',
  'cpu.lma-needs-pae-and-pe',
  'cpu.pcide-needs-lma',
  'cpu.cet-needs-wp',
  'cpu.nw-needs-cd',
  'cpu.pg-needs-pe',
];

/** The architecture, implementations that depart from it, and planted bugs. */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'architecture',
    source: 'Intel SDM volume 3; AMD APM volume 2',
    date: '2024',
    features: ARCHITECTURE_FEATURES,
  },
  {
    id: 'architecture-strict-lma',
    source: 'AMD APM volume 2, "System Resources", EFER, to the letter',
    date: '2024',
    features: { ...ARCHITECTURE_FEATURES, strictLma: true },
  },
  {
    id: 'architecture-intel-smram',
    source: 'Intel SDM volume 3, "SMRAM State Save Map"; SmramSaveStateMap.h, EDK II',
    date: '2024',
    features: { ...ARCHITECTURE_FEATURES, intelSaveState: true },
  },
  {
    id: 'linux-5.8',
    source: 'arch/x86/kvm/x86.c, arch/x86/kvm/emulate.c, Linux 5.8',
    date: '2020-08-02',
    features: {
      ...ARCHITECTURE_FEATURES,
      unchecked: ['cr0.pg-clear-in-64-bit-mode'],
      rsmFailure: 'internalError',
    },
  },
  {
    id: 'bochs-2.7',
    source: 'cpu/crregs.cc, Bochs 2.7: the architecture, but for loads of the PDPTEs',
    date: '2021-08-01',
    features: { ...ARCHITECTURE_FEATURES, loadsPdptesEagerly: true },
  },
  {
    id: 'linux-6.18-pvm',
    source: 'KVM without VMX or SVM (kvm_pvm) on Linux 6.18: its instruction emulator, measured',
    date: '2025-11-30',
    features: {
      ...ARCHITECTURE_FEATURES,
      truncatesCrWrites: true,
      noLegacyPaging: true,
      takesAnyPat: true,
    },
  },
  {
    id: 'bug:tcg-7.2',
    base: 'architecture',
    features: {
      unchecked: ['cr0.high-half', 'cr0.pg-needs-pe', 'cr0.nw-needs-cd', 'cr0.lme-needs-pae'],
      keepsReservedCr0: true,
    },
    story: 'QEMU 7.2 TCG takes any CR0: PG without PE, NW without CD, reserved bits.',
    caughtBy: ['cpu.pg-needs-pe', 'cpu.nw-needs-cd', 'cpu.lma-needs-pae-and-pe'],
  },
  {
    id: 'bug:nw-without-cd',
    base: 'architecture',
    features: { unchecked: ['cr0.nw-needs-cd'] },
    story: 'NW is accepted without CD.',
    caughtBy: ['cpu.nw-needs-cd'],
  },
  {
    id: 'bug:wp-cleared-under-cet',
    base: 'architecture',
    features: { unchecked: ['cr0.cet-needs-wp'] },
    story: 'WP is cleared under CET: shadow stacks become writable to the kernel.',
    caughtBy: ['cpu.cet-needs-wp'],
  },
  {
    id: 'bug:lme-under-paging',
    base: 'architecture',
    features: { unchecked: ['efer.lme-change-under-paging'] },
    story: 'WRMSR EFER toggles LME while paging is on.',
    caughtBy: ['cpu.lma-iff-lme-and-pg'],
  },
  {
    id: 'bug:lma-not-updated',
    base: 'architecture',
    features: { updatesLma: false },
    story: 'A write of CR0.PG leaves EFER.LMA as it was.',
    caughtBy: ['cpu.lma-iff-lme-and-pg'],
  },
  {
    id: 'bug:pcide-outlives-long-mode',
    base: 'architecture',
    features: { unchecked: ['cr0.pg-clear-with-pcide'] },
    story: 'Paging is turned off under PCIDE, and process-context identifiers outlive long mode.',
    caughtBy: ['cpu.pcide-needs-lma'],
  },
  {
    id: 'bug:half-refused-write',
    base: 'architecture',
    features: { refusesWhole: false },
    story: 'The register is written before the checks are made, and a fault leaves the new value.',
    caughtBy: ['cpu.fault-changes-nothing', ...CONSISTENCY_IDS],
  },
  {
    id: 'bug:lmsw-clears-pe',
    base: 'architecture',
    features: { lmswKeepsPe: false },
    story: 'LMSW clears PE, under paging too.',
    caughtBy: ['cpu.pg-needs-pe', 'cpu.lma-needs-pae-and-pe'],
  },
  {
    id: 'bug:smi-keeps-cr4',
    base: 'architecture',
    features: { smiClearsCr4: false },
    story: 'SMI delivery clears EFER and CR0.PG and leaves CR4: PCIDE without long mode.',
    caughtBy: ['cpu.pcide-needs-lma'],
  },
  {
    id: 'bug:rsm-trusts-lma',
    base: 'architecture',
    features: { rsmComputesLma: false },
    story: 'RSM takes LMA from the save area, which the handler can write.',
    caughtBy: ['cpu.lma-iff-lme-and-pg', 'cpu.lma-needs-pae-and-pe', 'cpu.pcide-needs-lma'],
  },
  {
    id: 'bug:init-clears-caching',
    base: 'architecture',
    features: { initKeepsCaching: false },
    story: 'INIT sets CD and NW as RESET does: every CPU that is brought up runs uncached.',
    caughtBy: ['cpu.init-keeps-caching'],
  },
];

/** An implementation, ready to be run: its features and the checks that it makes. */
export interface Implementation extends Features {
  readonly cr0: Checklist<RegisterWrite>;
  readonly cr4: Checklist<RegisterWrite>;
  readonly eferChecks: Checklist<RegisterWrite>;
  /** LMSW has no checks in the architecture. */
  readonly lmsw: Checklist<RegisterWrite>;
}

/** KVM without hardware virtualization runs its guests in the host's own 4-level paging. */
export const NO_LEGACY_PAGING: Check<RegisterWrite> = {
  id: 'cr0.no-legacy-paging',
  sentence: 'This hypervisor cannot give its guest 32-bit or PAE paging.',
  origin: 'KVM without VMX or SVM (kvm_pvm) on Linux 6.18, measured',
  broken: ({ state, value }) =>
    (value & ~state.cr0 & CR0_PG) !== 0n && (state.efer & EFER_LME) === 0n,
};

/** Bochs holds the PDPTEs against every write of CR0 in PAE paging. */
const EVERY_PDPTE_LOAD: Check<RegisterWrite> = {
  ...CR0_PDPTE_CHECK,
  broken: ({ state, value }) =>
    leadsToPaePaging(state, value) && pdptesAreInvalid(state, state.cr3),
};

/** Bits of CR4 whose change makes Bochs flush the TLB, and with it load the PDPTEs. */
const CR4_EAGER_BITS = CR4_SMAP | CR4_PKE | CR4_CET | CR4_PKS;

const EAGER_CR4_PDPTE_LOAD: Check<RegisterWrite> = {
  ...CR4_PDPTE_CHECK,
  broken: ({ state, value }) =>
    ((value ^ state.cr4) & CR4_EAGER_BITS) !== 0n &&
    isPaePaging({ ...state, cr4: value }) &&
    pdptesAreInvalid(state, state.cr3),
};

function implement(features: Features): Implementation {
  const made = (checks: readonly Check<RegisterWrite>[]): Checklist<RegisterWrite> =>
    checklist(checks.filter(({ id }) => !features.unchecked.includes(id)));
  const pdpte = features.loadsPdptesEagerly ? [EVERY_PDPTE_LOAD] : [];
  const pdpteOfCr4 = features.loadsPdptesEagerly ? [EAGER_CR4_PDPTE_LOAD] : [];
  const extraCr0 = features.noLegacyPaging ? [NO_LEGACY_PAGING] : [];
  const extraEfer = features.strictLma ? [EFER_LMA_STRICT] : [];
  return Object.freeze({
    ...features,
    cr0: made([...CR0_VALUE_CHECKS, ...CR0_TRANSITION_CHECKS, ...pdpte, ...extraCr0]),
    cr4: made([...CR4_VALUE_CHECKS, ...CR4_TRANSITION_CHECKS, ...pdpteOfCr4]),
    eferChecks: made([...EFER_CHECKS, ...extraEfer]),
    lmsw: made(pdpte),
  });
}

const featuresOf = resolveRevisions('hw-model.cpu', REVISIONS);

const IMPLEMENTATIONS: ReadonlyMap<RevisionId, Implementation> = new Map(
  REVISIONS.map(({ id }) => [id, implement(featuresOf(id))]),
);

/**
 * The implementation that a revision names.
 *
 * @throws RangeError where there is no such revision
 */
export function implementationOf(revision: RevisionId): Implementation {
  return IMPLEMENTATIONS.get(revision) ?? implement(featuresOf(revision));
}

/**
 * The manuals' own implementation: what every function of this module takes where none is given.
 */
export const ARCHITECTURE: Implementation = implementationOf('architecture');
