// SPDX-License-Identifier: MIT
import type { Revision } from '@kernel-models/model-core';
import { CR0_GUEST_OWNED_EPT } from './constants.ts';
import type { Features } from './features.ts';

/**
 * Known and planted bugs, each one change to the revision that it stands on, with the invariants
 * that catch it.
 */
export const BUG_REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'bug:no-reset-clear',
    base: 'posted-2020-06-fixed',
    features: { init: 'keeps' },
    story: 'INIT keeps the pins: a CPU that is taken offline cannot be brought up again.',
    caughtBy: ['guest.bring-up-never-faults', 'pins.kept-over-rsm'],
  },
  {
    id: 'bug:no-smm-exit-check',
    base: 'posted-2020-06-fixed',
    features: { rsm: 'nothing' },
    story: 'RSM loads whatever the save area says.',
    caughtBy: ['pins.kept-over-rsm'],
  },
  {
    id: 'bug:smram-patched',
    base: 'posted-2020-06-fixed',
    features: { rsm: 'patches-image' },
    story: 'RSM patches the save area, and clears every allowed bit that is not pinned.',
    caughtBy: ['pins.rsm-loads-the-image', 'pins.kept-over-rsm'],
  },
  {
    id: 'bug:no-nested-force',
    base: 'posted-2020-06-fixed',
    features: { nestedExit: 'as-asked' },
    story: 'A nested exit loads the control registers that L1 put into its VMCS.',
    caughtBy: ['pins.kept-over-nested-exit'],
  },
  {
    id: 'bug:force-only-high',
    base: 'posted-2020-06-fixed',
    features: { nestedExit: 'forced-high' },
    story: 'A nested exit sets the bits that are pinned to 1 and forgets those pinned to 0.',
    caughtBy: ['pins.kept-over-nested-exit'],
  },
  {
    id: 'bug:no-guest-mode-exemption',
    base: 'posted-2020-06-fixed',
    features: { exemptsL2: false },
    story: 'L1’s pins are held against L2’s control registers.',
    caughtBy: ['pins.l2-is-free'],
  },
  {
    id: 'bug:post-leave-smm-in-l2',
    base: 'posted-2020-06-fixed',
    features: { rsm: 'checks' },
    story:
      'The posting’s own defect: an SMI while L2 runs kills the VM, because the check after RSM ' +
      'sees L2’s control registers.',
    caughtBy: ['pins.l2-is-free'],
  },
  {
    id: 'bug:overlap-allowed',
    base: 'posted-2020-06-fixed',
    features: { refusesOpposite: false },
    story: 'A bit is pinned both ways, and its register can never be written again.',
    caughtBy: ['pins.never-both-ways'],
  },
  {
    id: 'bug:or-semantics',
    base: 'posted-2020-06-fixed',
    features: { guestWrite: 'adds' },
    story: 'A guest’s write adds to the pins where it should have to repeat them.',
    caughtBy: ['pins.accepted-write-is-stored'],
  },
  {
    id: 'bug:guest-may-clear',
    base: 'posted-2020-06-fixed',
    features: { guestWrite: 'anything' },
    story: 'The guest unpins what it has pinned.',
    caughtBy: ['pins.guest-never-unpins'],
  },
  {
    id: 'bug:changed-bits-only',
    base: 'posted-2020-06-fixed',
    features: { predicate: 'changed-bits' },
    story: 'Only bits that change are checked: a violation that the host made stays for ever.',
    caughtBy: ['pins.accepted-write-respects', 'pins.kept-while-active'],
  },
  {
    id: 'bug:xor-allowed',
    base: 'posted-2020-06-fixed',
    features: { predicate: 'xor-allowed' },
    story:
      'The predicate of February 2020: once SMEP is pinned, enabling SMAP faults, since every ' +
      'allowed bit that is not pinned must be 0.',
    caughtBy: [
      'pins.refusal-has-a-violation',
      'pins.accepted-write-respects',
      'pins.kept-while-active',
    ],
  },
  {
    id: 'bug:wp-guest-owned',
    base: 'posted-2020-06-fixed',
    features: { guestOwnedCr0: CR0_GUEST_OWNED_EPT },
    story: 'A port to Linux 6.12, where the guest owns CR0.WP under EPT: KVM never sees the write.',
    caughtBy: ['pins.accepted-write-respects', 'pins.kept-while-active'],
  },
  {
    id: 'bug:setter-silent',
    base: 'posted-2020-06-fixed',
    features: { violation: 'silent' },
    story:
      'A refused write completes without a fault and without an effect, as in Heki’s first RFC.',
    caughtBy: ['pins.completed-write-has-effect'],
  },
  {
    id: 'bug:per-vm-pins',
    base: 'posted-2020-06-fixed',
    features: { scope: 'vm' },
    story: 'What one vCPU pins is pinned on all of them, also on those that do not run yet.',
    caughtBy: ['pins.belong-to-one-vcpu'],
  },
  {
    id: 'bug:host-mask',
    base: 'posted-2020-06-fixed',
    features: { consultsHostRegisters: true },
    story: 'The host’s own CR0 and CR4 decide what the guest may pin.',
    caughtBy: ['pins.legal-request-is-accepted'],
  },
  {
    id: 'bug:check-before-valid',
    base: 'posted-2020-06-fixed',
    features: { checkBeforeValid: true },
    story: 'The pin check runs before the check of reserved bits: only the reason changes.',
    caughtBy: ['pins.reserved-bits-decide-first'],
  },
  {
    id: 'bug:lmsw-faults',
    base: 'posted-2020-06-fixed',
    features: { lmswViolation: 'fault' },
    story: 'LMSW or CLTS, which cannot fault on a value, faults.',
    caughtBy: ['pins.lmsw-never-faults'],
  },
  {
    id: 'bug:allowed-not-revalidated',
    base: 'reviewed-2020-07',
    features: { allowedRevalidates: false },
    story: 'The host narrows ALLOWED below what is pinned already.',
    caughtBy: ['pins.within-allowed'],
  },
  {
    id: 'bug:pins-current-value',
    base: 'posted-2020-06-fixed',
    features: { pinsCurrentValue: true },
    story:
      'A write pins the bits as they are now: a restore of MSRs before registers pins nothing.',
    caughtBy: ['migration.keeps-pins', 'pins.accepted-write-is-stored'],
  },
  {
    id: 'bug:migration-drops',
    base: 'posted-2020-06-fixed',
    features: { migratesPins: false },
    story: 'A migration leaves the pins behind: the guest goes on without them, and is not told.',
    caughtBy: ['migration.keeps-pins'],
  },
  {
    id: 'bug:mainline-collision',
    base: 'posted-2020-06-fixed',
    features: { numbersTaken: true },
    story:
      'A guest with the posting’s code on a KVM that gave its numbers away: the feature bit is on, ' +
      'and the MSRs are not there, or are others.',
    caughtBy: ['pins.legal-request-is-accepted', 'pins.accepted-write-is-stored'],
  },
];
