// SPDX-License-Identifier: MIT
import { resolveRevisions, type Revision, type RevisionId } from '@kernel-models/model-core';

/**
 * In what the revisions differ. The switches from `storedPointer` on are bugs, off in a real
 * kernel.
 */
export interface Features {
  /** JIT images and struct_ops trampolines begin with a preamble; calls into BPF are checked. */
  readonly preambles: boolean;
  /** The calls of programs by dispatchers are checked; before, they were exempt. */
  readonly dispatcherChecked: boolean;
  /** Which stub gives the trampoline of a dummy test run its hash. */
  readonly dummyStub: 'none' | 'null' | 'variadic' | 'member';
  /** A struct without stubs is refused, and a member without one is not supported. */
  readonly stubsRequired: boolean;
  /** tcp_congestion_ops.cong_control takes `ack` and `flag`. */
  readonly congControlAck: boolean;
  /** The layouts of FineIBT. */
  readonly layout: 'linux-6.2' | 'linux-6.15' | 'linux-6.18';
  /** The command line knows warn, paranoid and bhi. */
  readonly strictWords: boolean;
  /** What boot logs: since Linux 6.18 behind `CFI:`, and with the word debug. */
  readonly bootWords: 'plain' | 'prefixed';
  /** Trampolines share packs with programs; before, each has a page that stands alone. */
  readonly trampolinesIn: 'page' | 'pack';
  /**
   * A struct's trampolines have a page from the map's creation on, or up to eight as they are needed;
   * a test run takes and charges a page like those.
   */
  readonly trampolinePages: 'with-map' | 'on-demand';
  /** What is counted of tail calls in RAX: their number, or where that stands. */
  readonly tailCallCount: 'value' | 'pointer';
  /** BPF_TRAMP_F_INDIRECT warns beside anything but RET_FENTRY_RET. */
  readonly indirectFlagChecked: boolean;
  /** Which arguments take more than one register slot by their size. */
  readonly wideArguments: 'all' | 'aggregates';
  /** A test run refuses NULL for a parameter that is not nullable. */
  readonly testRunChecksNull: boolean;
  /** A constant that fits 32 bits with their sign takes four bytes: emit_mov_imm64(). */
  readonly signExtendedMoves: boolean;
  /** A return value of more than 8 bytes is refused at registration. */
  readonly wideReturnRefused: boolean;
  /** Destructors of kernel objects are declared as they are called: with a void pointer. */
  readonly destructorsTyped: boolean;
  /** What an update with a module pointer in it answers. */
  readonly ownerNonzero: 'handled' | 'EINVAL';
  /** Bytes between the start of an image and its entry, with padding. */
  readonly offset: 'sixteen' | 'alignment';
  /**
   * Where a struct_ops trampoline reads stack arguments from: the frame's own, or 8 bytes higher.
   */
  readonly stackArguments: 'own' | 'fentry';

  /* Planted or historical bugs. */
  readonly storedPointer: 'entry' | 'image';
  readonly hashOffset: 'by-mode' | 'swapped';
  readonly subprogramHash: 'subprogram' | 'main';
  readonly freesFrom: 'image' | 'entry';
  /** Chunks that are given back are filled with INT3. */
  readonly fillsFreed: boolean;
  readonly sealsStubs: boolean;
  readonly preambleBranch: 'own' | 'kernel';
  readonly rehashesBpf: boolean;
  readonly rehashAvoidsEndbr: boolean;
  readonly tailCallTarget: 'landing' | 'entry';
  readonly callUses: 'checked-register' | 'memory';
  readonly stubDrift: boolean;
  readonly arityGuard: 'or' | 'and';
  /** Patching looks at what stands there first. */
  readonly pokeCompares: boolean;
}

const NO_BUGS = {
  storedPointer: 'entry',
  hashOffset: 'by-mode',
  subprogramHash: 'subprogram',
  freesFrom: 'image',
  fillsFreed: true,
  sealsStubs: false,
  preambleBranch: 'own',
  rehashesBpf: true,
  rehashAvoidsEndbr: true,
  tailCallTarget: 'landing',
  callUses: 'checked-register',
  stubDrift: false,
  arityGuard: 'or',
  pokeCompares: true,
} as const satisfies Partial<Features>;

const LINUX_6_7: Features = {
  preambles: false,
  dispatcherChecked: false,
  dummyStub: 'none',
  stubsRequired: false,
  congControlAck: false,
  layout: 'linux-6.2',
  strictWords: false,
  bootWords: 'plain',
  trampolinesIn: 'page',
  trampolinePages: 'with-map',
  tailCallCount: 'value',
  indirectFlagChecked: false,
  wideArguments: 'all',
  testRunChecksNull: false,
  signExtendedMoves: false,
  wideReturnRefused: false,
  destructorsTyped: false,
  ownerNonzero: 'handled',
  offset: 'sixteen',
  stackArguments: 'fentry',
  ...NO_BUGS,
};

const POSTED: Features = {
  ...LINUX_6_7,
  preambles: true,
  dispatcherChecked: true,
  dummyStub: 'null',
  trampolinesIn: 'pack',
};

const LINUX_6_8: Features = {
  ...POSTED,
  dummyStub: 'variadic',
  indirectFlagChecked: true,
  destructorsTyped: true,
};

const LINUX_6_9: Features = {
  ...LINUX_6_8,
  stubsRequired: true,
  trampolinePages: 'on-demand',
};
const LINUX_6_10: Features = { ...LINUX_6_9, congControlAck: true, signExtendedMoves: true };
const LINUX_6_12: Features = {
  ...LINUX_6_10,
  testRunChecksNull: true,
  tailCallCount: 'pointer',
};
const LINUX_6_15: Features = { ...LINUX_6_12, layout: 'linux-6.15', strictWords: true };
const LINUX_6_18: Features = {
  ...LINUX_6_15,
  layout: 'linux-6.18',
  bootWords: 'prefixed',
  wideArguments: 'aggregates',
  wideReturnRefused: true,
};
const FIXED: Features = {
  ...LINUX_6_18,
  ownerNonzero: 'EINVAL',
  offset: 'alignment',
  stackArguments: 'own',
};

/** Every revision; the bugs come last. */
export const REVISIONS: readonly Revision<Features>[] = [
  {
    id: 'linux-6.7',
    source: 'arch/x86/net/bpf_jit_comp.c, kernel/bpf/bpf_struct_ops.c, Linux 6.7',
    date: '2024-01-07',
    features: LINUX_6_7,
  },
  {
    id: 'posted-2023-12',
    source: 'Message-ID 20231208102940.GB28727@noisy.programming.kicks-ass.net',
    date: '2023-12-08',
    features: POSTED,
  },
  {
    id: 'linux-6.8',
    source: 'arch/x86/net/bpf_jit_comp.c, arch/x86/kernel/alternative.c, Linux 6.8',
    date: '2024-03-10',
    features: LINUX_6_8,
  },
  {
    id: 'linux-6.9',
    source: 'kernel/bpf/bpf_struct_ops.c, Linux 6.9',
    date: '2024-05-12',
    features: LINUX_6_9,
  },
  {
    id: 'linux-6.10',
    source: 'net/ipv4/bpf_tcp_ca.c, Linux 6.10',
    date: '2024-07-14',
    features: LINUX_6_10,
  },
  {
    id: 'linux-6.12',
    source: 'arch/x86/kernel/alternative.c, kernel/bpf/bpf_struct_ops.c, Linux 6.12',
    date: '2024-11-17',
    features: LINUX_6_12,
  },
  {
    id: 'linux-6.13',
    source: 'arch/x86/kernel/alternative.c, Linux 6.13',
    date: '2025-01-19',
    features: LINUX_6_12,
  },
  {
    id: 'linux-6.15',
    source: 'arch/x86/kernel/alternative.c, arch/x86/lib/bhi.S, Linux 6.15',
    date: '2025-05-25',
    features: LINUX_6_15,
  },
  {
    id: 'linux-6.18',
    source: 'arch/x86/kernel/alternative.c, arch/x86/net/bpf_jit_comp.c, Linux 6.18',
    date: '2025-11-30',
    features: LINUX_6_18,
  },
  {
    id: 'linux-6.18-fixed',
    source:
      'Linux 6.18, with an error for a module pointer in a struct_ops value, an offset that follows the function alignment, and stack arguments read from the trampoline’s own frame',
    date: '2025-11-30',
    features: FIXED,
  },
  {
    id: 'bug:no-preamble',
    base: 'linux-6.12',
    features: { preambles: false },
    story: 'Images have no preamble, as before Linux 6.8, and calls into BPF are checked.',
    caughtBy: ['bpf-cfi.matching-call-returns', 'bpf-cfi.one-scheme'],
  },
  {
    id: 'bug:null-stub',
    base: 'linux-6.12',
    features: { dummyStub: 'null' },
    story:
      'A dummy test run has no stub, as the posting left it: the hash is 0 and every run traps.',
    caughtBy: ['bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:member-stub',
    base: 'linux-6.12',
    features: { dummyStub: 'member' },
    story: 'A dummy test run takes the hash of the member, while it calls through a variadic type.',
    caughtBy: ['bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:image-stored',
    base: 'linux-6.12',
    features: { storedPointer: 'image' },
    story: 'The ops table holds the image and not image + cfi_get_offset().',
    caughtBy: ['bpf-cfi.stored-pointer-is-entry', 'bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:hash-offset-swapped',
    base: 'linux-6.12',
    features: { hashOffset: 'swapped' },
    story: 'The stub’s hash is read at +1 in FineIBT and at +7 in kCFI.',
    caughtBy: ['bpf-cfi.hash-round-trip', 'bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:subprogram-main-hash',
    base: 'linux-6.12',
    features: { subprogramHash: 'main' },
    story: 'A callback has the hash of a main program: expected 0x9e4709a9, found 0xd9421881.',
    caughtBy: ['bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:stub-drift',
    base: 'linux-6.12',
    features: { stubDrift: true },
    story: 'The stub of cong_control kept its two parameters when the member gained two more.',
    caughtBy: ['bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:free-without-offset',
    base: 'linux-6.12',
    features: { freesFrom: 'entry' },
    story: 'Freeing takes bpf_func for the image, finds no header, and the code stays executable.',
    caughtBy: ['bpf-cfi.freed-image-traps', 'jit-memory.freed-is-free'],
  },
  {
    id: 'bug:freed-not-filled',
    base: 'linux-6.12',
    features: { fillsFreed: false },
    story:
      'What a program leaves in a pack stays executable code, as before bpf_arch_text_invalidate() in Linux 5.19.',
    caughtBy: ['bpf-cfi.freed-image-traps'],
  },
  {
    id: 'bug:stub-sealed',
    base: 'linux-6.12',
    features: { sealsStubs: true },
    story: 'A stub that only BPF looks at is sealed, so its hash is 0 when it is copied.',
    caughtBy: ['bpf-cfi.hash-round-trip', 'bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:align64',
    base: 'linux-6.18-fixed',
    features: { offset: 'sixteen' },
    story: 'cfi_get_offset() is 16 whatever the function alignment is.',
    caughtBy: ['bpf-cfi.hash-round-trip', 'bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:owner-nonzero-returns-0',
    base: 'linux-6.18-fixed',
    features: { ownerNonzero: 'handled' },
    story:
      'An update with a module pointer rolls back and returns 1, which is no error. Live in Linux 6.18.',
    caughtBy: ['struct-ops.success-means-ready'],
  },
  {
    id: 'bug:kernel-branch-in-jit',
    base: 'linux-6.12',
    features: { preambleBranch: 'kernel' },
    story:
      'The JIT’s preamble branches as the kernel’s own does, which ends on the entry’s first bytes.',
    caughtBy: ['bpf-cfi.branch-skips-poison'],
  },
  {
    id: 'bug:bpf-hash-not-rehashed',
    base: 'linux-6.12',
    features: { rehashesBpf: false },
    story: 'Randomisation changes functions and callers, and not the two hashes of BPF.',
    caughtBy: ['bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:destructor-untyped',
    base: 'linux-6.12',
    features: { destructorsTyped: false },
    story:
      'A destructor declared with a struct pointer is called through void (*)(void *): expected 0xa488ebfc.',
    caughtBy: ['bpf-cfi.matching-call-returns'],
  },
  {
    id: 'bug:wide-return',
    base: 'linux-6.18',
    features: { wideReturnRefused: false },
    story: 'A member that returns 16 bytes is accepted; the trampoline returns 8 of them.',
    caughtBy: ['struct-ops.return-fits'],
  },
  {
    id: 'bug:structops-stack-args',
    base: 'linux-6.18-fixed',
    features: { stackArguments: 'fentry' },
    story: 'Stack arguments are read 8 bytes too high, as if an fentry call had been made.',
    caughtBy: ['trampoline.arguments-arrive'],
  },
  {
    id: 'bug:tail-call-to-entry',
    base: 'linux-6.12',
    features: { tailCallTarget: 'entry' },
    story: 'A tail call jumps to the entry and not to the landing behind the frame.',
    caughtBy: ['bpf-cfi.tail-call-lands'],
  },
  {
    id: 'bug:endbr-in-immediate',
    base: 'linux-6.12',
    features: { rehashAvoidsEndbr: false },
    story: 'A randomised hash may spell ENDBR64 inside an instruction.',
    caughtBy: ['bpf-cfi.no-endbr-in-immediates'],
  },
  {
    id: 'bug:call-reloads',
    base: 'linux-6.12',
    features: { callUses: 'memory' },
    story:
      'The check is made on a register, and the call loads the pointer again (LLVM issue 59017).',
    caughtBy: ['bpf-cfi.call-goes-where-checked'],
  },
  {
    id: 'bug:null-state',
    base: 'linux-6.12',
    features: { testRunChecksNull: false },
    story: 'A NULL state reaches a program that was verified as if it could not be NULL.',
    caughtBy: ['struct-ops.no-null-dereference'],
  },
  {
    id: 'bug:arity-guard-and',
    base: 'linux-6.15',
    features: { arityGuard: 'and' },
    story:
      'Outside of BHI the arity is decoded from bytes that are no call: a number of no meaning.',
    caughtBy: ['bpf-cfi.arity-is-known'],
  },
  {
    id: 'bug:poke-unverified',
    base: 'linux-6.12',
    features: { pokeCompares: false },
    story: 'Patching writes without a look at what stands there, so a wrong belief destroys it.',
    caughtBy: ['bpf-cfi.patching-restores'],
  },
];

/**
 * The features of a revision.
 *
 * @throws RangeError where the revision is unknown
 */
export const featuresOf: (revision: RevisionId) => Features = resolveRevisions(
  'bpf-cfi',
  REVISIONS,
);
