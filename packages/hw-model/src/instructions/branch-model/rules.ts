// SPDX-License-Identifier: MIT
import type { Rule } from '@kernel-models/model-core';

const TABLE = {
  'wrmsr.reserved': ['Reserved bits of a CET MSR are 0.', 'Intel SDM volume 4, IA32_U_CET'],
  'wrmsr.suppress-and-tracker': [
    'SUPPRESS and TRACKER are not set together.',
    'Intel SDM volume 4, IA32_U_CET',
  ],
  'wrmsr.base': ['The base of the bitmap is canonical.', 'Intel SDM volume 4, IA32_U_CET'],
  'wrmsr.written': ['The MSR takes the value.', 'Intel SDM volume 4, IA32_U_CET'],
  'execute.missing-endbranch': ['A tracked branch ends on ENDBR64.', 'Intel SDM volume 1, 18.3'],
  'execute.breakpoint': [
    'INT3 traps, also where ENDBR64 is waited for.',
    'Intel SDM volume 1, 18.3',
  ],
  'execute.debug': ['INT1 traps where no ENDBR64 is waited for.', 'Intel SDM volume 2, INT1'],
  'execute.invalid-opcode': ['The opcode is valid.', 'Intel SDM volume 3, 6.15, #UD'],
  'execute.protection': ['An instruction may do what it does.', 'Intel SDM volume 3, 6.15, #GP'],
  'execute.page': ['An address is mapped.', 'Intel SDM volume 3, 6.15, #PF'],
  'execute.gate-not-present': ['A gate is present.', 'Intel SDM volume 3, 6.15, #NP'],
  'execute.stack': ['The stack is at a canonical address.', 'Intel SDM volume 3, 6.15, #SS'],
  'execute.double-fault': [
    'An exception can be delivered.',
    'Intel SDM volume 3, 6.15, Double Fault Exception',
  ],
  'execute.unsupported': ['The model executes the instruction.', 'This model; no CPU is asked.'],
} as const;

/** The id of a rule. */
export type BranchRule = keyof typeof TABLE;

/** Every rule that can decide an outcome. */
export const RULES: readonly Rule[] = Object.entries(TABLE).map(([id, [sentence, origin]]) => ({
  id,
  sentence,
  origin,
}));
