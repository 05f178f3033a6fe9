// SPDX-License-Identifier: MIT
import { callersCheck } from './boot.ts';
import { prefixNops, type Scheme } from './preamble.ts';

/*
 * What becomes of a checked indirect call: decided from what the call site expects and what lies
 * before the target, without executing a byte. Mirrors handle_cfi_failure(), arch/x86/kernel/cfi.c,
 * for what is reported.
 */

/** Where a call stopped, by what stands there. */
export type Place =
  /** The UD2 of a kCFI check. */
  | 'caller-check'
  /** The load of the callee's hash. */
  | 'caller-load'
  /** The LOCK JNE of a paranoid check. */
  | 'caller-paranoid'
  /** 16 bytes in front of the pointer. */
  | 'before-callee'
  /** The trap of a FineIBT preamble. */
  | 'callee-check'
  | 'arity-thunk'
  /** What the pointer points to. */
  | 'callee';

/** An exception that ended a call. */
export interface Trap {
  readonly vector: 'UD' | 'CP' | 'BP' | 'PF';
  readonly errorCode: number | null;
  readonly place: Place;
}

/** What lies in front of a target. */
export interface Outside {
  /** Bytes that can be read. */
  readonly mapped: number;
  /** Whether 16 bytes in front of it is free space: INT3. */
  readonly isFree: () => boolean;
}

/** What lies around a target. */
export interface TargetFacts {
  /** The preamble in front of the entry; null where there is none. */
  readonly preamble: {
    readonly scheme: 'kcfi' | 'fineibt';
    readonly hash: number;
    /** Bytes of it, and from the start of the hash in it to the entry. */
    readonly size: number;
    readonly hashDistance: number;
    /** The landing in front of it is poison. */
    readonly sealed: boolean;
    /** Where a mismatch traps. */
    readonly guard: 'own' | 'arity-thunk';
  } | null;
  /** From the entry to where the pointer points; 0 in a correct kernel. */
  readonly skew: number;
  readonly outside: Outside;
  /** What stands where the pointer points. */
  readonly first: 'endbr' | 'code' | 'int3';
}

/** A decision on a call. */
export interface CallDecision {
  /** Failures that were reported on the way, in order, as `expected type` of the report. */
  readonly reports: readonly { readonly place: Place; readonly type: number }[];
  /** Why the target was not reached; null where it was. */
  readonly trap: Trap | null;
}

/** A page fault of the kernel on a page that is not there: a read, and an instruction fetch. */
const NOT_PRESENT_READ = 0;
const NOT_PRESENT_FETCH = 0x10;
const MISSING_ENDBR = 3;
/** A FineIBT caller branches so far in front of the pointer. */
const FINEIBT_DISTANCE = 16;

/** Whether a failure is reported and the call made all the same. */
export function isPermissive({ setup, boot }: Scheme): boolean {
  return setup.permissive || boot.warn;
}

/**
 * Decides a call.
 *
 * @param hash what the site expects, as boot left it; 0 where it checks nothing
 * @param reached where the branch itself goes, if it does not use the register that was checked
 * @returns undefined where it comes to bytes that are no part of it: what they do is not decided here
 */
export function decideCall(
  scheme: Scheme,
  hash: number,
  target: TargetFacts,
  reached?: TargetFacts,
): CallDecision | undefined {
  const { setup, boot } = scheme;
  const last = reached ?? target;
  if (!setup.cfi || hash === 0 || !callersCheck(boot)) {
    // A preamble that nobody has prepared for compares whatever R10, or RAX, holds.
    const compares = last.skew !== 0 && last.preamble?.scheme === 'fineibt';
    return compares ? undefined : branch(scheme, last, []);
  }
  if (boot.mode === 'KCFI') return kcfiCall(scheme, hash, target, last);
  // A branch of its own knows nothing of the 16 bytes that the callee's check begins earlier.
  if (reached !== undefined && !boot.paranoid) return branch(scheme, reached, []);
  return fineibtCall(scheme, hash, target);
}

function kcfiCall(
  scheme: Scheme,
  hash: number,
  target: TargetFacts,
  last: TargetFacts,
): CallDecision {
  const found = wordBefore(target, prefixNops(scheme.setup) + 4);
  if (found === 'unmapped') return stopped('PF', NOT_PRESENT_READ, 'caller-load', []);
  if (found === hash) return branch(scheme, last, []);
  const reports = [{ place: 'caller-check' as const, type: hash }];
  if (isPermissive(scheme)) return branch(scheme, last, reports);
  return stopped('UD', null, 'caller-check', reports);
}

function fineibtCall(scheme: Scheme, hash: number, target: TargetFacts): CallDecision | undefined {
  const { features, boot } = scheme;
  let reports: CallDecision['reports'] = [];
  if (boot.paranoid) {
    const found = wordBefore(target, features.layout === 'linux-6.18' ? 11 : 9);
    if (found === 'unmapped') return stopped('PF', NOT_PRESENT_READ, 'caller-load', []);
    if (found !== hash) {
      reports = [{ place: 'caller-paranoid', type: hash }];
      if (!isPermissive(scheme)) return stopped('UD', null, 'caller-paranoid', reports);
    }
  }
  return enterPreamble(scheme, hash, target, reports);
}

/** The branch goes to 16 bytes before the pointer, and the callee compares. */
function enterPreamble(
  scheme: Scheme,
  hash: number,
  target: TargetFacts,
  reports: CallDecision['reports'],
): CallDecision | undefined {
  const { preamble, skew, outside } = target;
  const direct = !tracks(scheme);
  if (preamble === null || skew !== 0 || preamble.scheme !== 'fineibt') {
    if (outside.mapped < FINEIBT_DISTANCE) {
      return stopped('PF', NOT_PRESENT_FETCH, 'before-callee', reports);
    }
    if (!outside.isFree()) return undefined;
    // INT3 is exempt from tracking.
    return stopped('BP', null, 'before-callee', reports);
  }
  if (preamble.sealed && !direct) return stopped('CP', MISSING_ENDBR, 'before-callee', reports);
  if (preamble.hash === hash) return { reports, trap: null };
  if (preamble.sealed && preamble.guard === 'own') return unrecognised(scheme, reports);
  const place = preamble.guard === 'own' ? 'callee-check' : 'arity-thunk';
  const all = [...reports, { place, type: hash } as const];
  return isPermissive(scheme) ? { reports: all, trap: null } : stopped('UD', null, place, all);
}

/** The last branch, to the pointer itself. */
function branch(
  scheme: Scheme,
  { first }: TargetFacts,
  reports: CallDecision['reports'],
): CallDecision {
  if (first === 'int3') return stopped('BP', null, 'callee', reports);
  if (tracks(scheme) && first !== 'endbr') {
    return stopped('CP', MISSING_ENDBR, 'callee', reports);
  }
  return { reports, trap: null };
}

/**
 * The handler looks for ENDBR64 where a sealed preamble has poison, so that it takes the trap for
 * any invalid opcode: nothing is reported, and nothing goes on.
 */
function unrecognised({ features }: Scheme, reports: CallDecision['reports']): CallDecision {
  const place = features.layout === 'linux-6.18' ? 'callee' : 'before-callee';
  return stopped('UD', null, place, reports);
}

/**
 * IBT is on, and the call is a branch that it tracks: a retpoline ends in RET, which it does not.
 * A paranoid site has a branch of its own.
 */
function tracks({ setup, boot, features }: Scheme): boolean {
  const own = boot.mode === 'FINEIBT' && boot.paranoid && !boot.failed;
  const branches = !setup.retpoline || own || features.callUses === 'memory';
  return setup.ibt && setup.cpu.ibt && branches;
}

/** The hash that lies `distance` bytes before the pointer, or what lies there instead. */
function wordBefore(target: TargetFacts, distance: number): number | 'other' | 'unmapped' {
  const { preamble, skew, outside } = target;
  if (preamble === null || skew !== 0 || distance > preamble.size) {
    return outside.mapped < distance ? 'unmapped' : 'other';
  }
  return preamble.hashDistance === distance ? preamble.hash : 'other';
}

function stopped(
  vector: Trap['vector'],
  errorCode: number | null,
  place: Place,
  reports: CallDecision['reports'],
): CallDecision {
  return { reports, trap: { vector, errorCode, place } };
}
