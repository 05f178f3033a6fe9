// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import {
  SECBIT_KEEP_CAPS,
  SECBIT_KEEP_CAPS_LOCKED,
  SECURE_EXEC_BITS_AND_LOCKS,
} from './constants.ts';
import { refusal, type Refusal } from './refusal.ts';
import { featuresOf, type Features } from './revisions.ts';

/*
 * The securebits word: bit n is a setting, bit n+1 locks it. Mirrors the cases PR_SET_SECUREBITS
 * and PR_SET_KEEPCAPS of cap_task_prctl(), security/commoncap.c, Linux 6.14.
 */

/** The six settings; the bit above each of them is its lock. */
export const SECURE_ALL_BITS = 0x555;
export const SECURE_ALL_LOCKS = 0xaaa;
/** The four settings, and their locks, before Linux 6.14. */
export const SECURE_ALL_BITS_6_1 = 0x55;
export const SECURE_ALL_LOCKS_6_1 = 0xaa;

const CHANGES_LOCKED: Refusal = refusal('EPERM', 'securebits.changes-locked-bit');
const DROPS_LOCK: Refusal = refusal('EPERM', 'securebits.drops-lock');
const UNKNOWN_BIT: Refusal = refusal('EPERM', 'securebits.unknown-bit');
const NO_CHANGE: Refusal = refusal('EPERM', 'securebits.unprivileged-no-change');
const PRIVILEGED_BIT: Refusal = refusal('EPERM', 'securebits.privileged-bit');

/** The argument has bits above the low word: no kernel has ever known one of them. */
const U32 = 0xffff_ffffn;

/**
 * What PR_SET_SECUREBITS answers.
 *
 * @param old the word as it is, 0 to 0xfff
 * @param argument all 64 bits that the caller passed
 * @param setpcap whether CAP_SETPCAP is effective in the caller's own user namespace
 * @returns why not, or undefined: the argument becomes the word
 */
export function setSecurebits(
  features: Features,
  old: number,
  argument: bigint,
  setpcap: boolean,
): Refusal | undefined {
  const low = Number(argument & U32);
  const beyond = argument > U32 && !features.securebitsTruncated;
  return checkSecurebits(features, old, low, beyond, setpcap);
}

/**
 * The same with the argument in two parts, for whoever has it as a number.
 *
 * @param next the low 32 bits of the argument
 * @param beyond whether any higher bit is set
 */
export function checkSecurebits(
  features: Features,
  old: number,
  next: number,
  beyond: boolean,
  setpcap: boolean,
): Refusal | undefined {
  if (features.securebitsPrivilegeFirst && setpcap) return undefined;
  const known = features.execSecurebits !== 'none';
  const locks = known ? SECURE_ALL_LOCKS : SECURE_ALL_LOCKS_6_1;
  const bits = known ? SECURE_ALL_BITS : SECURE_ALL_BITS_6_1;
  const changed = old ^ next;

  if ((lockedBits(features, old & locks) & changed) !== 0) return CHANGES_LOCKED;
  if ((old & locks & ~next) !== 0) return DROPS_LOCK;
  if (beyond || (next & ~(bits | locks)) !== 0) return UNKNOWN_BIT;
  if (setpcap) return undefined;
  if (!known) return changed === 0 ? NO_CHANGE : PRIVILEGED_BIT;
  if (changed === 0) return features.securebitsNoopAllowed ? undefined : NO_CHANGE;
  return (changed & ~SECURE_EXEC_BITS_AND_LOCKS) === 0 ? undefined : PRIVILEGED_BIT;
}

/** The settings that the locks guard. */
function lockedBits(features: Features, locks: number): number {
  if (features.securebitsLocksUnshifted) return locks;
  const guarded = locks >> 1;
  if (!features.securebitsRestrictLockGuardsCheck || (locks & 0x800) === 0) return guarded;
  return (guarded & ~0x400) | 0x100;
}

const KEEPCAPS_LOCKED: Refusal = refusal('EPERM', 'securebits.keepcaps-locked');
const KEEPCAPS_RANGE: Refusal = refusal('EINVAL', 'securebits.keepcaps-argument');

/**
 * What PR_SET_KEEPCAPS answers: the new word, or why not. It needs no privilege.
 *
 * @param argument all 64 bits that the caller passed
 */
export function setKeepcaps(old: number, argument: bigint): number | Refusal {
  if (argument > 1n) return KEEPCAPS_RANGE;
  if ((old & SECBIT_KEEP_CAPS_LOCKED) !== 0) return KEEPCAPS_LOCKED;
  return argument === 1n ? old | SECBIT_KEEP_CAPS : old & ~SECBIT_KEEP_CAPS;
}

/**
 * The word in a new program: execve(2) forgets KEEP_CAPS alone. Mirrors cap_bprm_creds_from_file().
 */
export function securebitsAfterExec(old: number): number {
  return old & ~SECBIT_KEEP_CAPS;
}

/**
 * The word in a new user namespace: everything is forgotten, locks included. Mirrors
 * set_cred_user_ns(), kernel/user_namespace.c, Linux 6.18.
 */
export function securebitsInNewUserns(features: Features, old: number): number {
  if (features.usernsSecurebits === 'reset') return 0;
  const locks = old & SECURE_ALL_LOCKS;
  return old & (locks | (locks >> 1));
}

/**
 * Whether a word may be set on top of another, as `apply` decides: for loops over all pairs of
 * words.
 *
 * @throws RangeError where the revision is unknown
 */
export function maySetSecurebits(
  revision: RevisionId,
): (old: number, next: number, privileged: boolean) => boolean {
  const features = featuresOf(revision);
  return (old, next, privileged) =>
    checkSecurebits(features, old, next, false, privileged) === undefined;
}
