// SPDX-License-Identifier: MIT
import type { Features } from '@kernel-models/exec-check';

/** A request to change the securebits word. */
export interface SecurebitsRequest {
  readonly old: number;
  readonly asked: bigint;
  /** CAP_SETPCAP is effective in the task's own user namespace. */
  readonly privileged: boolean;
}

/** Whether prctl(PR_SET_SECUREBITS) grants a request: the four conditions, bit by bit. */
export function securebitsGrants(
  request: SecurebitsRequest,
  bits: Features['execSecurebits'],
): boolean {
  const settings = bits === 'none' ? 4 : 6;
  const old = BigInt(request.old);
  const { asked, privileged } = request;
  if (asked >> BigInt(2 * settings) !== 0n) return false;
  for (let setting = 0; setting < settings; setting += 1) {
    const bit = 1n << BigInt(2 * setting);
    const lock = bit << 1n;
    const isLocked = (old & lock) !== 0n;
    if (isLocked && (old & bit) !== (asked & bit)) return false;
    if (isLocked && (asked & lock) === 0n) return false;
    const changes = ((old ^ asked) & (bit | lock)) !== 0n;
    if (changes && setting < 4 && !privileged) return false;
  }
  if (privileged) return true;
  return bits !== 'none' && asked !== old;
}
