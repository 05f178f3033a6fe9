// SPDX-License-Identifier: MIT
import type { Operation, StringArray } from './operation.ts';
import type { Setup } from './setup.ts';

const MODEL_ONLY: ReadonlySet<Operation['op']> = new Set<Operation['op']>([
  'checkBegin',
  'checkEnd',
  'execBegin',
  'execEnd',
  'cloneFs',
  'interpretBegin',
  'interpretEnd',
  'lease',
  'lsmRule',
]);

/** Strings of argv or envp that a target can be given, pointers included: 2^20. */
const MOST_STRINGS = 1 << 20;

/** Whether a real kernel can be asked to do this. */
export function isLive(operation: Operation): boolean {
  if (MODEL_ONLY.has(operation.op)) return false;
  return operation.op !== 'execveat' || (fits(operation.argv) && fits(operation.envp));
}

/** Whether a real kernel can be put into this state: the model plays no part of it. */
export function isLiveSetup(setup: Setup): boolean {
  return (
    (setup.lsm ?? []).length === 0 &&
    (setup.binfmtMisc ?? []).length === 0 &&
    setup.ima === undefined &&
    setup.ipe === undefined
  );
}

function fits(strings: StringArray): boolean {
  if (strings.kind !== 'list') return true;
  return strings.strings.every((item) => item.kind !== 'fill' || item.count <= MOST_STRINGS);
}
