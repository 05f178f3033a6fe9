// SPDX-License-Identifier: MIT
import type { Features } from './revisions.ts';
import type { TdState } from './state.ts';
import { step, type TdStep } from './steps.ts';

/**
 * TDG.VP.INFO (1): what the guest may know of itself. Never fails.
 * Mirrors TDG.VP.INFO of the ABI specification; R10 is 0 on a TDX 1.0 module.
 */
export function vpInfo(td: TdState, { version }: Features): TdStep {
  const vcpus = BigInt(td.vcpuCount);
  return step(
    td,
    {
      kind: 'completed',
      rax: 0n,
      registers: {
        rcx: BigInt(td.params.gpaw),
        rdx: td.params.attributes,
        r8: vcpus | (vcpus << 32n),
        r9: 0n,
        r10: version === '1.0' ? 0n : 1n,
        r11: 0n,
      },
    },
    'vp-info.success',
  );
}
