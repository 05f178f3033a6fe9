// SPDX-License-Identifier: MIT
import {
  decode,
  formatHex,
  type Codec,
  type Invariant,
  type Model,
  type RevisionId,
  type Rule,
  type Step,
} from '@kernel-models/model-core';
import {
  SECURE_ALL_LOCKS,
  checkSecurebits,
  securebitsAfterExec,
  securebitsInNewUserns,
} from './securebits.ts';
import { featuresOf, REVISIONS } from './revisions.ts';
import { RULES } from './rules.ts';

/*
 * The securebits word of one thread, with all that ever changes it. A state is two small numbers,
 * so that every history can be explored.
 */

/** The word, and whether CAP_SETPCAP is effective. */
export interface SecurebitsState {
  /** 0 to 0xfff. */
  readonly securebits: number;
  readonly setpcap: boolean;
}

export type SecurebitsSetup = SecurebitsState;

/** What a thread can do to its word. */
export type SecurebitsOperation =
  /** prctl(PR_SET_SECUREBITS); `value` is the low word of the argument, 0 to 0xffffffff. */
  | { readonly op: 'set'; readonly value: number }
  | { readonly op: 'get' }
  /** fork(2) and going on as the child. */
  | { readonly op: 'fork' }
  /** execve(2) of a program without capabilities of its own; CAP_SETPCAP is lost. */
  | { readonly op: 'exec' }
  /** unshare(CLONE_NEWUSER): every capability in the new namespace. */
  | { readonly op: 'unshareUser' }
  /** capset(2) without CAP_SETPCAP. */
  | { readonly op: 'dropSetpcap' };

export type SecurebitsOutcome =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'errno'; readonly errno: 'EPERM' };

const ZERO: SecurebitsOutcome = Object.freeze({ kind: 'value', value: 0 });
const EPERM: SecurebitsOutcome = Object.freeze({ kind: 'errno', errno: 'EPERM' });
const NO_TRAIL: readonly string[] = Object.freeze([]);

type SecurebitsStep = Step<SecurebitsState, SecurebitsOutcome>;

function done(state: SecurebitsState, rule: string): SecurebitsStep {
  return { state, outcome: ZERO, rule, trail: NO_TRAIL };
}

function apply(
  state: SecurebitsState,
  operation: SecurebitsOperation,
  revision: RevisionId,
): SecurebitsStep {
  const features = featuresOf(revision);
  const { securebits, setpcap } = state;
  switch (operation.op) {
    case 'set': {
      const { value } = operation;
      const refused = checkSecurebits(features, securebits, value, false, setpcap);
      if (refused !== undefined)
        return { state, outcome: EPERM, rule: refused.rule, trail: NO_TRAIL };
      const next = value === securebits ? state : { securebits: value & 0xfff, setpcap };
      return done(next, 'securebits.set');
    }
    case 'get':
      return {
        state,
        outcome: { kind: 'value', value: securebits },
        rule: 'securebits.get',
        trail: NO_TRAIL,
      };
    case 'fork':
      return done(state, 'securebits.inherited');
    case 'exec':
      return done(
        { securebits: securebitsAfterExec(securebits), setpcap: false },
        'securebits.exec-forgets-keepcaps',
      );
    case 'unshareUser':
      return done(
        { securebits: securebitsInNewUserns(features, securebits), setpcap: true },
        'securebits.userns-forgets',
      );
    case 'dropSetpcap':
      return done(setpcap ? { securebits, setpcap: false } : state, 'securebits.setpcap-dropped');
  }
}

const word = (max: number) =>
  function decodeWord(json: Parameters<ReturnType<typeof decode.hex>>[0], field: string): number {
    return Number(decode.hex(0n, BigInt(max))(json, field));
  };

const setup = decode.object({ securebits: word(0xfff), setpcap: decode.boolean });
const operation = decode.union('op', {
  set: { value: word(0xffff_ffff) },
  get: {},
  fork: {},
  exec: {},
  unshareUser: {},
  dropSetpcap: {},
});
const outcome = decode.union('kind', {
  value: { value: word(0xfff) },
  errno: { errno: decode.oneOf(['EPERM']) },
});

const codec: Codec<SecurebitsSetup, SecurebitsOperation, SecurebitsOutcome> = {
  decodeSetup: (json) => setup(json, 'setup'),
  encodeSetup: ({ securebits, setpcap }) => ({
    securebits: formatHex(BigInt(securebits)),
    setpcap,
  }),
  decodeOperation: (json) => operation(json, 'operation'),
  encodeOperation: (value) =>
    value.op === 'set' ? { op: 'set', value: formatHex(BigInt(value.value)) } : { op: value.op },
  decodeOutcome: (json) => outcome(json, 'outcome'),
  encodeOutcome: (value) =>
    value.kind === 'value'
      ? { kind: 'value', value: formatHex(BigInt(value.value)) }
      : { ...value },
};

const OWN_RULES: readonly Rule[] = [
  {
    id: 'securebits.inherited',
    sentence: 'A child has the word of its parent.',
    origin: 'prepare_creds(), kernel/cred.c, Linux 6.12',
  },
  {
    id: 'securebits.exec-forgets-keepcaps',
    sentence: 'A new program has the word without KEEP_CAPS; the lock of that bit stays.',
    origin: 'cap_bprm_creds_from_file(), security/commoncap.c, Linux 6.12',
  },
  {
    id: 'securebits.userns-forgets',
    sentence: 'A new user namespace begins with no bit and no lock set.',
    origin: 'set_cred_user_ns(), kernel/user_namespace.c, Linux 6.18',
  },
  {
    id: 'securebits.setpcap-dropped',
    sentence: 'A dropped capability does not come back.',
    origin: 'cap_capset(), security/commoncap.c, Linux 6.12',
  },
];

function keepsLocked(before: SecurebitsState, after: SecurebitsState, except: number): boolean {
  const locks = before.securebits & SECURE_ALL_LOCKS;
  return ((before.securebits ^ after.securebits) & (locks | (locks >> 1)) & ~except) === 0;
}

const invariants: readonly Invariant<SecurebitsState, SecurebitsOperation, SecurebitsOutcome>[] = [
  {
    id: 'securebits.locks-hold',
    sentence:
      'A locked bit and its lock never change but by a new user namespace or, KEEP_CAPS alone, by exec.',
    holds: ({ before, operation: { op }, step }) =>
      op === 'unshareUser' || keepsLocked(before, step.state, op === 'exec' ? 0x10 : 0),
  },
  {
    id: 'securebits.locks-survive-userns',
    sentence: 'A locked bit and its lock do not change by a new user namespace either.',
    revisions: ['linux-6.18-fixed'],
    holds: ({ before, operation: { op }, step }) =>
      keepsLocked(before, step.state, op === 'exec' ? 0x10 : 0),
  },
  {
    id: 'securebits.known-bits',
    sentence: 'No bit outside of 0xfff is ever set.',
    holds: ({ step }) => (step.state.securebits & ~0xfff) === 0,
  },
];

/** The securebits of one thread: a model of its own, whose functions exec-check calls. */
export const securebitsModel: Model<
  SecurebitsState,
  SecurebitsOperation,
  SecurebitsOutcome,
  SecurebitsSetup
> = {
  name: 'exec-check.securebits',
  revisions: REVISIONS,
  rules: [...RULES.filter(({ id }) => /^securebits\.(?!.*keepcaps)/.test(id)), ...OWN_RULES],
  codec,
  initial: ({ securebits, setpcap }) => ({ securebits, setpcap }),
  apply,
  key: ({ securebits, setpcap }) => securebits * 2 + (setpcap ? 1 : 0),
  invariants,
};
