// SPDX-License-Identifier: MIT
import {
  declarationOf,
  typeIdModel,
  type CompilerOperation,
  type CompilerOutcome,
  type CompilerSetup,
} from '@kernel-models/bpf-cfi';
import type { Subsystem } from '../subsystem.ts';
import { clangTarget } from './clang.ts';
import { compilerCases } from './type-specs.ts';

/** kCFI type ids, held against clang. */
export const typeIdSubsystem: Subsystem<
  CompilerSetup,
  CompilerOperation,
  CompilerOutcome,
  CompilerSetup
> = {
  model: typeIdModel,
  title: 'kCFI type ids, preambles and call sites, as clang emits them',
  defaultRevision: 'linux-6.12',
  cases: () => compilerCases,
  targets: () => [clangTarget()],
  explorations: [],
  describeOperation: (operation) =>
    operation.op === 'source'
      ? `source of ${operation.source.length} characters`
      : `${operation.op} ${declarationOf(operation.type, 'f')}`,
  describeOutcome(outcome) {
    switch (outcome.kind) {
      case 'type-id':
        return `0x${outcome.id.toString(16).padStart(8, '0')}`;
      case 'type-ids':
        return `${Object.keys(outcome.ids).length} type ids`;
      case 'bytes':
        return outcome.bytes === '' ? 'no check' : outcome.bytes;
      case 'rejected':
        return 'rejected';
    }
  },
};
