// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';
import { CR4_FSGSBASE } from '@kernel-models/hw-model/cpu';
import {
  CR0_GUEST_OWNED,
  CR0_PIN_ALLOWED,
  CR4_GUEST_OWNED,
  CR4_PIN_ALLOWED,
  EFER_PIN_ALLOWED,
  KVM_FEATURE_CR_PIN_BIT,
  MSR_KVM_CR0_PINNED_HIGH,
  MSR_KVM_CR0_PINNED_LOW,
  MSR_KVM_CR0_PIN_ALLOWED,
  MSR_KVM_CR4_PINNED_HIGH,
  MSR_KVM_CR4_PINNED_LOW,
  MSR_KVM_CR4_PIN_ALLOWED,
  MSR_KVM_EFER_PINNED_HIGH,
  MSR_RFC_CR0_PINNED,
  MSR_RFC_CR0_PIN_ALLOWED,
  MSR_RFC_CR4_PINNED,
  MSR_RFC_CR4_PIN_ALLOWED,
  NATIVE_MASK_5_3,
  NATIVE_MASK_5_8,
  NATIVE_MASK_6_12,
} from './constants.ts';
import { BUG_REVISIONS } from './bug-revisions.ts';
import type { Features, MsrNumbers } from './features.ts';

const MSRS: MsrNumbers = {
  cr0Allowed: MSR_KVM_CR0_PIN_ALLOWED,
  cr4Allowed: MSR_KVM_CR4_PIN_ALLOWED,
  cr0Low: MSR_KVM_CR0_PINNED_LOW,
  cr0High: MSR_KVM_CR0_PINNED_HIGH,
  cr4Low: MSR_KVM_CR4_PINNED_LOW,
  cr4High: MSR_KVM_CR4_PINNED_HIGH,
};

const RFC_MSRS: MsrNumbers = {
  cr0Allowed: MSR_RFC_CR0_PIN_ALLOWED,
  cr4Allowed: MSR_RFC_CR4_PIN_ALLOWED,
  cr0High: MSR_RFC_CR0_PINNED,
  cr4High: MSR_RFC_CR4_PINNED,
};

/** KVM without any pinning, and a guest kernel without it: Linux 5.2. */
const NOTHING: Features = {
  request: 'none',
  msrs: MSRS,
  featureBit: -1,
  cpuidGated: false,
  allowedCr0: CR0_PIN_ALLOWED,
  allowedCr4: CR4_PIN_ALLOWED,
  allowedEfer: 0n,
  allowedWrite: 'equal',
  allowedRevalidates: true,
  guestWrite: 'superset',
  guestReads: true,
  refusesOpposite: true,
  pinsCurrentValue: false,
  predicate: 'whole-value',
  violation: 'fault',
  lmswViolation: 'dropped',
  checkBeforeValid: false,
  exemptsL2: true,
  nestedExit: 'as-asked',
  rsm: 'nothing',
  rsmFailure: 'internalError',
  init: 'clears',
  scope: 'vcpu',
  guestOwnedCr0: CR0_GUEST_OWNED,
  guestOwnedCr4: CR4_GUEST_OWNED,
  migratesPins: true,
  numbersTaken: false,
  policyInVmm: false,
  consultsHostRegisters: false,
  pvCrPin: true,
  kexecToken: false,
  native: 'none',
  nativeCr4Mask: 0n,
};

const NATIVE_5_8: Features = { ...NOTHING, native: 'exact', nativeCr4Mask: NATIVE_MASK_5_8 };

const POSTED_2020_06: Features = {
  ...NATIVE_5_8,
  request: 'high-low',
  featureBit: KVM_FEATURE_CR_PIN_BIT,
  nestedExit: 'forced',
  rsm: 'checks',
};

const FIXED: Features = { ...POSTED_2020_06, rsm: 'checks-but-l2' };

const POSTED_2019_12: Features = {
  ...NATIVE_5_8,
  request: 'high-low',
  msrs: RFC_MSRS,
  featureBit: 14,
  guestReads: false,
  exemptsL2: false,
  init: 'keeps',
  pvCrPin: false,
};

const POSTED_2020_02: Features = {
  ...POSTED_2019_12,
  guestReads: true,
  guestWrite: 'adds',
  allowedWrite: 'ignored',
  predicate: 'xor-allowed',
  rsm: 'patches-image',
  init: 'clears',
  pvCrPin: true,
};

const HEKI: Features = {
  ...NATIVE_5_8,
  nativeCr4Mask: NATIVE_MASK_6_12,
  request: 'hypercall',
  allowedCr4: NATIVE_MASK_6_12,
  guestWrite: 'adds',
  scope: 'vm',
  init: 'keeps',
  exemptsL2: false,
  consultsHostRegisters: true,
};

const POSTING = 'Message-ID 20200617190757.27081-3-john.s.andersen@intel.com';

/**
 * Every revision; the bugs come last. Of the posting of December 2019 the change to KVM is known by
 * the words of its commit message alone: guests never read pins, add to them and clear none, pins
 * do not count in SMM, and user space alone clears them. Whether a guest's write that leaves out a
 * pinned bit fails or adds to it is not said; here it fails. Numbers are those of February 2020,
 * whose code is known. The last six stand for designs that answer what the posting leaves open;
 * each changes one thing.
 */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'linux-5.2',
    source: 'arch/x86/kvm/x86.c, arch/x86/kernel/cpu/common.c, Linux 5.2: nothing is pinned',
    date: '2019-07-07',
    features: NOTHING,
  },
  {
    id: 'linux-5.3',
    source: 'native_write_cr0(), native_write_cr4(), arch/x86/kernel/cpu/common.c, Linux 5.3',
    date: '2019-09-15',
    features: { ...NOTHING, native: 'missing-bits', nativeCr4Mask: NATIVE_MASK_5_3 },
  },
  {
    id: 'posted-2019-12',
    source:
      'Message-IDs 20191220192701.23415-2-john.s.andersen@intel.com (KVM; its commit message), ' +
      '20191220192701.23415-3-john.s.andersen@intel.com (the guest; its code)',
    date: '2019-12-20',
    features: POSTED_2019_12,
  },
  {
    id: 'posted-2020-02',
    source: 'Message-ID 20200218215902.5655-3-john.s.andersen@intel.com',
    date: '2020-02-18',
    features: POSTED_2020_02,
  },
  { id: 'posted-2020-06', source: POSTING, date: '2020-06-17', features: POSTED_2020_06 },
  {
    id: 'posted-2020-06-fixed',
    source: `${POSTING}, with RSM into a nested guest exempt as the other checks are`,
    date: '2020-06-17',
    features: FIXED,
  },
  {
    id: 'reviewed-2020-06',
    source:
      `The MSR document in ${POSTING}, where it and the code differ: pins are write-only ` +
      'for the guest; and the MSRs hidden with the feature bit',
    date: '2020-06-17',
    features: { ...FIXED, guestReads: false, cpuidGated: true },
  },
  {
    id: 'reviewed-2020-07',
    source: `Announced in July 2020 in answer to the review of ${POSTING}; never posted`,
    date: '2020-07-09',
    features: {
      ...FIXED,
      allowedWrite: 'host-sets',
      allowedCr4: CR4_PIN_ALLOWED | CR4_FSGSBASE,
      guestOwnedCr4: CR4_GUEST_OWNED & ~CR4_FSGSBASE,
    },
  },
  {
    id: 'linux-5.8',
    source: 'native_write_cr0(), native_write_cr4(), arch/x86/kernel/cpu/common.c, Linux 5.8',
    date: '2020-08-02',
    features: NATIVE_5_8,
  },
  {
    id: 'posted-2023-05',
    source: 'Heki RFC v1, "KVM: x86: Add new hypercall to lock control registers"',
    date: '2023-05-05',
    features: { ...HEKI, violation: 'silent', nestedExit: 'kept' },
  },
  {
    id: 'posted-2024-05',
    source: 'Heki RFC v3, "KVM: x86: Add new hypercall to lock control registers"',
    date: '2024-05-03',
    features: HEKI,
  },
  {
    id: 'reviewed-2024-05',
    source: 'Sean Christopherson in answer to Heki: KVM forwards, user space holds the policy',
    date: '2024-05',
    features: { ...FIXED, policyInVmm: true, init: 'suspends', kexecToken: true },
  },
  {
    id: 'design-mask-value',
    source: 'ours: a mask and a value for each register, so that no bit can be pinned both ways',
    date: '2026',
    features: { ...FIXED, request: 'mask-value' },
  },
  {
    id: 'design-efer',
    source: 'ours: EFER.NXE can be pinned too',
    date: '2026',
    features: {
      ...FIXED,
      msrs: { ...MSRS, eferHigh: MSR_KVM_EFER_PINNED_HIGH },
      allowedEfer: EFER_PIN_ALLOWED,
    },
  },
  {
    id: 'design-init-suspends',
    source: 'ours: INIT keeps the pins, and paging is not turned on before they are met',
    date: '2026',
    features: { ...FIXED, init: 'suspends' },
  },
  {
    id: 'design-kexec-token',
    source: 'ours: the VMM can let one kexec drop the pins',
    date: '2026',
    features: { ...FIXED, kexecToken: true },
  },
  {
    id: 'design-floor',
    source: 'ours: what one vCPU pins is the floor for every vCPU that is brought up later',
    date: '2026',
    features: { ...FIXED, init: 'suspends', scope: 'floor' },
  },
  ...BUG_REVISIONS,
];

const featuresById = resolveRevisions('cr-pinning', REVISIONS);

/**
 * The features of a revision.
 *
 * @throws RangeError where there is no such revision
 */
export function featuresOf(revision: RevisionId): Features {
  return featuresById(revision);
}
