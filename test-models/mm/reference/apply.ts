// SPDX-License-Identifier: MIT
import type { Operation, Outcome } from '@kernel-models/mm';
import type { Errno } from '@kernel-models/model-core';
import { madvise, mbind, mseal } from './advise.ts';
import { brk, vmBrkFlags } from './brk.ts';
import { touch } from './fault.ts';
import { mlock, mlockall, munlock, munlockall } from './lock.ts';
import { mmap } from './mmap.ts';
import { mremap } from './mremap.ts';
import { fork, setLimit, setMdwe, setMemoryMerge } from './process.ts';
import { mprotect } from './protect.ts';
import { smaps } from './render.ts';
import { switchesOf } from './revisions.ts';
import { argument, stateOf, workingCopy, type Process, type Reference } from './state.ts';
import { munmap } from './unmap.ts';

/** A state and what the caller of the operation saw. */
export interface ReferenceStep {
  readonly reference: Reference;
  readonly outcome: Outcome;
}

/** Does one operation. The state that it gets stays as it is. */
export function referenceApply(
  reference: Reference,
  operation: Operation,
  revision: string,
): ReferenceStep {
  const process = workingCopy(reference, switchesOf(revision));
  const outcome = perform(process, operation);
  return { reference: stateOf(process), outcome };
}

function value(answer: bigint | Errno | null): Outcome {
  if (typeof answer === 'string') return { kind: 'errno', errno: answer };
  return { kind: 'value', value: answer ?? 0n };
}

function perform(process: Process, operation: Operation): Outcome {
  return operation.op === 'smaps' ? smaps(process) : value(answerTo(process, operation));
}

function answerTo(
  process: Process,
  operation: Exclude<Operation, { readonly op: 'smaps' }>,
): bigint | Errno | null {
  const word = (given: bigint): bigint => argument(process.setup, given);
  switch (operation.op) {
    case 'brk':
      return brk(process, word(operation.address));
    case 'mmap':
      return mmap(process, operation);
    case 'munmap':
      return munmap(process, word(operation.address), word(operation.length));
    case 'mremap':
      return mremap(process, operation);
    case 'vmBrkFlags': {
      const { address, length, flags } = operation;
      return vmBrkFlags(process, word(address), word(length), flags);
    }
    case 'mprotect': {
      const { address, length, prot } = operation;
      return mprotect(process, word(address), word(length), prot);
    }
    case 'madvise': {
      const { address, length, advice } = operation;
      return madvise(process, word(address), word(length), advice);
    }
    case 'mlock':
      return mlock(process, word(operation.address), word(operation.length), 0);
    case 'mlock2': {
      const { address, length, flags } = operation;
      return mlock(process, word(address), word(length), flags);
    }
    case 'munlock':
      return munlock(process, word(operation.address), word(operation.length));
    case 'mlockall':
      return mlockall(process, operation.flags);
    case 'munlockall':
      munlockall(process);
      return null;
    case 'mseal': {
      const { address, length, flags } = operation;
      return mseal(process, word(address), word(length), flags);
    }
    case 'mbind':
      return mbind(process, word(operation.address), word(operation.length), {
        mode: operation.mode,
        nodes: word(operation.nodes),
        flags: operation.flags,
      });
    case 'touchRead':
      return touch(process, word(operation.address), false);
    case 'touchWrite':
      return touch(process, word(operation.address), true);
    case 'fork':
      return fork(process, operation.follow);
    case 'setrlimit':
      return setLimit(process, operation.resource, { soft: operation.soft, hard: operation.hard });
    case 'dropCap':
      process.capabilities = process.capabilities.filter((held) => held !== operation.capability);
      return null;
    case 'setMemoryMerge':
      return setMemoryMerge(process, operation.on);
    case 'setMdwe':
      return setMdwe(process);
  }
}
