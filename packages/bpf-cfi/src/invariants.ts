// SPDX-License-Identifier: MIT
import { deepEqual, type Invariant, type Transition } from '@kernel-models/model-core';
import { bootHash, callersCheck, cfiGetOffset } from './boot.ts';
import { planOf } from './calls.ts';
import type { Outcome } from './outcome.ts';
import type { Operation } from './operation.ts';
import { JIT_MEMORY_INVARIANTS } from './jit-memory-invariants.ts';
import { schemeOf, siteHash } from './plan/call-plan.ts';
import { FUNCTION_VALUE } from './plan/function-call.ts';
import { placeTrampoline } from './plan/member-trampoline.ts';
import { bpfHash } from './plan/program-image.ts';
import { hashPosition, type Scheme } from './preamble.ts';
import { isPermissive } from './checked-call.ts';
import { BPF_MAIN, BPF_SUBPROGRAM, prototype } from './prototypes.ts';
import { ENDBR32, ENDBR64 } from './rehash.ts';
import { featuresOf, REVISIONS } from './revisions.ts';
import type { State } from './state.ts';
import { structMember } from './struct-types.ts';
import { returnSize } from './trampoline/function-model.ts';
import { word32 } from './bytes.ts';

type CfiTransition = Transition<State, Operation, Outcome>;

function schemeBefore({ before, revision }: CfiTransition): Scheme | undefined {
  return schemeOf(before, featuresOf(revision));
}

/**
 * What every revision promises that gives preambles to BPF, in a build whose alignment it knows.
 */
const WITH_PREAMBLES = REVISIONS.filter(
  ({ id }) =>
    !id.startsWith('bug:') && featuresOf(id).preambles && featuresOf(id).dummyStub !== 'null',
).map(({ id }) => id);
const FIXED = ['linux-6.18-fixed'];

/** An alignment other than 16 is a known defect of every kernel but the fixed one. */
function alignmentIsKnown({ setup, features }: Scheme): boolean {
  return (
    setup.alignment === 16 ||
    !setup.padding ||
    features.offset === 'alignment' ||
    isFixedBase(features)
  );
}

/** The variant of the alignment defect is held to what its base promises. */
function isFixedBase({ ownerNonzero, stackArguments }: Scheme['features']): boolean {
  return ownerNonzero === 'EINVAL' && stackArguments === 'own';
}

/** A call whose callee was built for the type that its site was built for, by the source alone. */
function isMatchingCall(transition: CfiTransition, scheme: Scheme): boolean {
  const { operation, before } = transition;
  // The JIT goes by FineIBT, and callers come to the poison of its entries: #CP with tracking.
  if (scheme.boot.failed) return false;
  // Where a patched entry leads is no matter of types.
  if (Object.values(before.programs).some(({ patch }) => patch !== null)) return false;
  switch (operation.op) {
    case 'call':
      return (
        operation.callee.addressTaken &&
        prototype(operation.site).hash === prototype(operation.callee.prototype).hash
      );
    case 'destroy':
      return true;
    case 'dispatch':
    case 'callback':
      return before.programs[operation.program]?.image === 'live' && alignmentIsKnown(scheme);
    case 'callMember':
    case 'testRun':
      return alignmentIsKnown(scheme);
    default:
      return false;
  }
}

const matchingCallReturns: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.matching-call-returns',
  sentence:
    'A call through a pointer of the callee’s own type comes back, and nothing is reported.',
  revisions: WITH_PREAMBLES,
  holds(transition) {
    const scheme = schemeBefore(transition);
    const { outcome, rule } = transition.step;
    if (scheme === undefined || !isMatchingCall(transition, scheme)) return true;
    if (outcome.kind === 'trapped') return rule === 'call.null-dereference';
    return outcome.kind !== 'returned' || outcome.reports.length === 0;
  },
};

const mismatchingCallTraps: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.mismatching-call-traps',
  sentence: 'Where checks are enforced, no call reaches a function of another type.',
  holds(transition) {
    const { operation, step } = transition;
    const scheme = schemeBefore(transition);
    if (operation.op !== 'call' || scheme === undefined || !scheme.setup.cfi) return true;
    if (!callersCheck(scheme.boot) || isPermissive(scheme)) return true;
    if (siteHash(scheme, operation.site) === siteHash(scheme, operation.callee.prototype))
      return true;
    return step.outcome.kind === 'trapped';
  },
};

const hashRoundTrip: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.hash-round-trip',
  sentence: 'Four bytes in front of a stored pointer stands the hash of the member’s type.',
  revisions: WITH_PREAMBLES,
  holds(transition) {
    const scheme = schemeBefore(transition);
    const { operation, before } = transition;
    if (operation.op !== 'callMember' || scheme === undefined) return true;
    const { setup, boot, features } = scheme;
    if (!setup.cfi || !callersCheck(boot) || !alignmentIsKnown(scheme)) return true;
    const map = before.maps[operation.map];
    const member = map && structMember(map.struct, operation.member, features);
    const program = before.programs[map?.members[operation.member] ?? ''];
    if (map === undefined || member?.prototype === undefined || program === undefined) return true;
    const image = map.trampolines[operation.member];
    const placed =
      image && placeTrampoline(scheme, map.struct, member, program, image.address, false);
    if (placed === undefined) return true;
    const at = Number(placed.pointer - placed.address) + correctHashPosition(scheme);
    const found = word32(Uint8Array.from(placed.trampoline.bytes), at);
    return found === siteHash(scheme, member.prototype);
  },
};

/** Where callers look: by the compiler's own layout, not by what the revision believes. */
function correctHashPosition(scheme: Scheme): number {
  const { setup, features } = scheme;
  const offset = isFixedBase(features) ? 'alignment' : features.offset;
  return hashPosition({
    ...scheme,
    features: { ...features, hashOffset: 'by-mode', offset },
    setup,
  });
}

const storedPointerIsEntry: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.stored-pointer-is-entry',
  sentence: 'An ops table holds image + cfi_get_offset(), and that is the trampoline’s entry.',
  revisions: WITH_PREAMBLES,
  holds(transition) {
    const scheme = schemeBefore(transition);
    const { operation, before } = transition;
    if (operation.op !== 'callMember' || scheme === undefined) return true;
    const plan = planOf(before, operation, scheme);
    if (plan === undefined || 'errno' in plan) return true;
    const offset = cfiGetOffset(scheme.setup, scheme.boot, scheme.features);
    return plan.target.skew === 0 && (offset === 0) === (plan.target.preamble === null);
  },
};

const freedImageTraps: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.freed-image-traps',
  sentence: 'Nothing is executed of a program whose last reference is gone.',
  holds({ before, operation, step }) {
    if (operation.op !== 'dispatch' && operation.op !== 'callback' && operation.op !== 'tailCall') {
      return true;
    }
    if (before.programs[operation.program]?.references !== 0) return true;
    return (
      step.outcome.kind === 'trapped' ||
      step.outcome.kind === 'impossible' ||
      step.rule === 'call.reported'
    );
  },
};

const tailCallLands: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.tail-call-lands',
  sentence: 'A tail call reaches the landing of a live program, and the frame is made once.',
  holds({ before, operation, step }) {
    if (operation.op !== 'tailCall' || step.outcome.kind === 'impossible') return true;
    const live = before.programs[operation.program]?.image !== 'freed';
    return !live || step.outcome.kind === 'returned';
  },
};

const callGoesWhereChecked: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.call-goes-where-checked',
  sentence: 'A call that passes its check reaches what was checked, whatever happens to memory.',
  holds({ operation, step }) {
    if (operation.op !== 'call' || operation.swapped === undefined) return true;
    return step.outcome.kind !== 'returned' || step.outcome.value === BigInt(FUNCTION_VALUE);
  },
};

const noEndbrInImmediates: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.no-endbr-in-immediates',
  sentence: 'No hash and no negated hash of a booted kernel spells an ENDBR.',
  holds({ operation, step, revision }) {
    if (operation.op !== 'boot' || step.state.boot === null) return true;
    const { boot } = step.state;
    const features = featuresOf(revision);
    const words = [BPF_MAIN, BPF_SUBPROGRAM].map((source) =>
      bootHash(boot, prototype(source).hash, features),
    );
    const spelled = [...words, ...words.map((word) => -word >>> 0)];
    return !boot.rand || !spelled.some((word) => word === ENDBR64 || word === ENDBR32);
  },
};

const bpfHashFollowsBoot: Invariant<State, Operation, Outcome> = {
  id: 'bpf-cfi.bpf-hash-follows-boot',
  sentence: 'The hashes of BPF are what callers of the two BPF types expect.',
  revisions: WITH_PREAMBLES,
  holds({ operation, step, revision }) {
    const scheme = operation.op === 'boot' ? schemeOf(step.state, featuresOf(revision)) : undefined;
    if (scheme === undefined || scheme.boot.failed) return true;
    return (
      bpfHash(scheme, 'main') === siteHash(scheme, BPF_MAIN) &&
      bpfHash(scheme, 'subprogram') === siteHash(scheme, BPF_SUBPROGRAM)
    );
  },
};

const successMeansReady: Invariant<State, Operation, Outcome> = {
  id: 'struct-ops.success-means-ready',
  sentence: 'An update that returns no error leaves the map INUSE or READY.',
  revisions: FIXED,
  holds({ operation, step }) {
    if (operation.op !== 'mapUpdate' || step.outcome.kind !== 'value') return true;
    const state = step.state.maps[operation.map]?.state;
    return state === 'INUSE' || state === 'READY';
  },
};

const errorChangesNothing: Invariant<State, Operation, Outcome> = {
  id: 'struct-ops.error-changes-nothing',
  sentence: 'An operation that fails leaves everything as it was, references included.',
  holds({ before, step }) {
    return step.outcome.kind !== 'errno' || deepEqual(before, step.state);
  },
};

const returnFits: Invariant<State, Operation, Outcome> = {
  id: 'struct-ops.return-fits',
  sentence: 'A registered member returns no more than a trampoline can carry.',
  revisions: ['linux-6.18', 'linux-6.18-fixed'],
  holds({ operation, step }) {
    if (operation.op !== 'registerStruct' || step.outcome.kind !== 'value') return true;
    return operation.members.every(
      (member) =>
        member.kind !== 'function' || member.stub === null || returnSize(member.prototype) <= 8,
    );
  },
};

const noNullDereference: Invariant<State, Operation, Outcome> = {
  id: 'struct-ops.no-null-dereference',
  sentence: 'No test run makes a program read through NULL.',
  revisions: ['linux-6.12', 'linux-6.13', 'linux-6.15', 'linux-6.18', 'linux-6.18-fixed'],
  holds: ({ operation, step }) =>
    operation.op !== 'testRun' || step.rule !== 'call.null-dereference',
};

const referencesBalance: Invariant<State, Operation, Outcome> = {
  id: 'struct-ops.references-balance',
  sentence:
    'A program has a reference for each member, and each array of tail calls, that it is in.',
  holds({ step: { state } }) {
    const members = Object.values(state.maps).flatMap((map) => Object.values(map.members));
    const used = [...members, ...Object.values(state.programs).map(({ tail }) => tail)];
    return Object.entries(state.programs).every(
      ([name, { references, open }]) =>
        references === used.filter((one) => one === name).length + (open ? 1 : 0),
    );
  },
};

/** What holds over every step. */
export const INVARIANTS: readonly Invariant<State, Operation, Outcome>[] = [
  matchingCallReturns,
  mismatchingCallTraps,
  hashRoundTrip,
  storedPointerIsEntry,
  freedImageTraps,
  tailCallLands,
  callGoesWhereChecked,
  noEndbrInImmediates,
  bpfHashFollowsBoot,
  successMeansReady,
  errorChangesNothing,
  returnFits,
  noNullDereference,
  referencesBalance,
  ...JIT_MEMORY_INVARIANTS,
];
