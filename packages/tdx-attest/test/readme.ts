// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { verify } from '@kernel-models/tdx-attest';

/** The README of this package. */
export function readmeOf(): string {
  return readFileSync(new URL('../README.md', import.meta.url), 'utf8');
}

/** Reasons and what Intel calls them, in the order in which they are found. */
export const INTEL_STATUS_NAMES: readonly (readonly [string, string])[] = Object.entries(
  verify.INTEL_STATUS,
).map(([reason, intel]) => [reason, intel.startsWith('none') ? '-' : `\`${intel}\``] as const);
