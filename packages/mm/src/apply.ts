// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { OutOfMemory } from './allocation.ts';
import { brk, vmBrkFlags } from './brk.ts';
import { Call, type MmStep } from './call.ts';
import { touch } from './fault.ts';
import { fork } from './fork.ts';
import { madvise } from './madvise.ts';
import { mbind } from './mbind.ts';
import { mlock, mlock2, mlockall, munlock, munlockall } from './mlock.ts';
import { mmap } from './mmap.ts';
import { mprotect } from './mprotect.ts';
import { mremap } from './mremap.ts';
import { mseal } from './mseal.ts';
import { munmap } from './munmap.ts';
import type { Operation } from './operation.ts';
import { dropCap, setMdwe, setMemoryMerge, setrlimit } from './process.ts';
import { smaps } from './proc-maps.ts';
import { featuresOf } from './revisions.ts';
import type { State } from './state.ts';

/** The transition function of the model: see `Model.apply`. */
export function apply(state: State, operation: Operation, revision: RevisionId): MmStep {
  const call = new Call(state, featuresOf(revision));
  if (state.oops !== null) return call.answer({ kind: 'oops', at: state.oops }, 'oops.dead');
  if (state.lockHeld) return call.answer({ kind: 'hangs', lock: 'mmap_lock' }, 'lock.held');
  state.allocations?.nodes.ask(() => call.tryAllocate());
  try {
    return dispatch(call, operation);
  } catch (error) {
    if (!(error instanceof OutOfMemory)) throw error;
    call.unwind();
    return noMemory(call, operation, state.brk);
  } finally {
    state.allocations?.nodes.stop();
  }
}

/** What a call says where an allocation failed. */
function noMemory(call: Call, operation: Operation, oldBrk: number): MmStep {
  switch (operation.op) {
    case 'brk':
      call.mm.brk = oldBrk;
      return call.value(oldBrk, 'memory.none');
    case 'touchRead':
    case 'touchWrite':
      return call.errno('EFAULT', 'memory.none');
    default:
      return call.errno('ENOMEM', 'memory.none');
  }
}

function dispatch(call: Call, operation: Operation): MmStep {
  switch (operation.op) {
    case 'brk':
      return brk(call, operation);
    case 'mmap':
      return mmap(call, operation);
    case 'munmap':
      return munmap(call, operation);
    case 'mprotect':
      return mprotect(call, operation);
    case 'mremap':
      return mremap(call, operation);
    case 'madvise':
      return madvise(call, operation);
    case 'mlock':
      return mlock(call, operation);
    case 'mlock2':
      return mlock2(call, operation);
    case 'munlock':
      return munlock(call, operation);
    case 'mlockall':
      return mlockall(call, operation);
    case 'munlockall':
      return munlockall(call);
    case 'mseal':
      return mseal(call, operation);
    case 'mbind':
      return mbind(call, operation);
    case 'touchRead':
      return touch(call, operation.address, false);
    case 'touchWrite':
      return touch(call, operation.address, true);
    case 'fork':
      return fork(call, operation);
    case 'setrlimit':
      return setrlimit(call, operation);
    case 'dropCap':
      return dropCap(call, operation);
    case 'setMemoryMerge':
      return setMemoryMerge(call, operation);
    case 'setMdwe':
      return setMdwe(call);
    case 'vmBrkFlags':
      return vmBrkFlags(call, operation);
    case 'smaps':
      return smaps(call);
  }
}
