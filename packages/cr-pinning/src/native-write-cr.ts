// SPDX-License-Identifier: MIT
import { CR0_WP } from '@kernel-models/hw-model/cpu';
import type { Features } from './features.ts';
import { movToCr } from './mov-cr.ts';
import type { Way } from './operation.ts';
import type { State } from './state.ts';
import { step, type Step } from './step.ts';

/*
 * Native pinning: the guest kernel's own functions write first and look afterwards, so that a jump
 * to the MOV itself still runs into the check. Code that reaches a MOV without the check behind it
 * does not. Reads beside native_write_cr0() and native_write_cr4(), arch/x86/kernel/cpu/common.c,
 * Linux 5.8.
 */

/** What the kernel writes back: the value itself where nothing is wrong with it. */
export function repairedValue(
  { kernel }: State,
  cr: 0 | 4,
  value: bigint,
  { native, nativeCr4Mask }: Features,
): bigint {
  if (native === 'none' || !kernel.pinning) return value;
  if (cr === 0) return value | CR0_WP;
  if (native === 'missing-bits') return value | kernel.cr4PinnedBits;
  return (value & ~nativeCr4Mask) | kernel.cr4PinnedBits;
}

/**
 * native_write_cr0() or native_write_cr4(): from its head, from the MOV inside, or a MOV elsewhere
 * (or one whose chain takes control back before the compare). What is compared is the value, not the
 * register: with a bad one there is a window of one instruction before the repair, and where the
 * hypervisor has dropped the write without a fault the kernel writes again.
 */
export function writeCr(
  state: State,
  index: number,
  cr: 0 | 4,
  value: bigint,
  through: Way,
  features: Features,
): Step {
  const first = movToCr(state, index, cr, value, features, false);
  if (through === 'gadget' || first.outcome.kind === 'fault') return first;
  const repaired = repairedValue(first.state, cr, value, features);
  if (repaired === value) return first;
  const second = movToCr(first.state, index, cr, repaired, features, false);
  return step(second.state, { kind: 'repaired', value: repaired }, 'native.repaired', [first.rule]);
}
