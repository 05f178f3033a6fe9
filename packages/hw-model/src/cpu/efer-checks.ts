// SPDX-License-Identifier: MIT
import type { Check } from './checklist.ts';
import type { RegisterWrite } from './cr0-checks.ts';
import { EFER_LMA, EFER_LME } from './registers.ts';
import { isPaging } from './state.ts';

/**
 * What a write of EFER can break. Intel SDM volume 3, "Processor Management and Initialization",
 * IA-32e mode; AMD APM volume 2, "System Resources", EFER.
 */
export const EFER_CHECKS: readonly Check<RegisterWrite>[] = [
  {
    id: 'efer.reserved',
    sentence: 'A bit of EFER that CPUID does not make legal must be written as 0.',
    origin:
      'Intel SDM volume 3, "System Architecture Overview"; AMD APM volume 2, "System Resources"',
    // LMA is read-only, not reserved: what is written to it is ignored, also without long mode.
    broken: ({ state, value }) => (value & ~(state.features.eferValid | EFER_LMA)) !== 0n,
  },
  {
    id: 'efer.lme-change-under-paging',
    sentence: 'LME does not change while paging is on.',
    origin: 'Intel SDM volume 3, IA-32e mode; AMD APM volume 2, long-mode activation',
    broken: ({ state, value }) => isPaging(state) && ((value ^ state.efer) & EFER_LME) !== 0n,
  },
];

/**
 * The text of the AMD manual, which no implementation that was asked follows: LMA must be written
 * as it is.
 */
export const EFER_LMA_STRICT: Check<RegisterWrite> = {
  id: 'efer.lma-differs',
  sentence: 'LMA must be written with the value that it has.',
  origin: 'AMD APM volume 2, "System Resources", EFER.LMA',
  broken: ({ state, value }) => ((value ^ state.efer) & EFER_LMA) !== 0n,
};
