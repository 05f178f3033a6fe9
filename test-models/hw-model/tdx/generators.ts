// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import {
  moduleOf,
  platformOf,
  type Operation,
  type Setup,
  type TdParams,
} from '@kernel-models/hw-model/tdx';

const GPAS = [0n, 0x1000n, 0x1400n, 0x1080n, 0x2000n, 0x20_0000n, 0x20_1000n, 0x40_0000n];
const SHARED = 1n << 47n;

const gpa: Arbitrary<bigint> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...GPAS) },
  fc.constantFrom(SHARED | 0x5000n, SHARED | 0x5400n, 0x1001n, 1n << 50n, 1n << 53n),
);
const content = fc
  .tuple(fc.constantFrom(0, 48, 64, 256), fc.integer({ min: 0, max: 255 }))
  .map(([size, value]) => new Uint8Array(size).fill(value));

const digest = fc.integer({ min: 0, max: 3 }).map((value) => new Uint8Array(48).fill(value));
const params: Arbitrary<TdParams> = fc.record({
  attributes: fc.constantFrom(0n, 0n, 0n, 1n, 1n << 28n, 1n << 28n, 1n << 27n),
  xfam: fc.constantFrom(0x602e7n, 0x602e7n, 0x602e7n, 1n),
  gpaw: fc.constantFrom(48, 48, 52),
  noRbpMod: fc.boolean(),
  mrConfigId: digest,
  mrOwner: digest,
  mrOwnerConfig: digest,
});

const LEAVES = [
  0n,
  1n,
  2n,
  2n,
  3n,
  4n,
  4n,
  4n,
  6n,
  6n,
  22n,
  7n,
  13n,
  4n | (1n << 24n),
  4n | (1n << 16n),
];

const tdcall: Arbitrary<Operation> = fc
  .record({
    rax: fc.constantFrom(...LEAVES),
    rcx: fc.oneof(
      { weight: 6, arbitrary: gpa },
      fc.constantFrom(0x20_0001n, 0x40_0001n, 0xffccn, 0x20n, 1n, 0x1008n),
    ),
    rdx: fc.oneof({ weight: 3, arbitrary: gpa }, fc.constantFrom(0n, 1n, 3n, 4n)),
    r8: fc.constantFrom(0n, 0n, 0n, 0n, 1n, 0x100n),
    cpl: fc.constantFrom<0 | 3>(0, 0, 0, 0, 0, 0, 0, 3),
    longMode: fc.constantFrom(true, true, true, true, true, true, false),
    interruptPending: fc.boolean(),
  })
  .map(({ cpl, longMode, interruptPending, ...registers }) => ({
    op: 'tdcall',
    registers,
    cpl,
    longMode,
    interruptPending,
    reply: { r10: 1n },
  }));

/** Calls that pass most checks: without them few histories would come to a report. */
const wellFormed: Arbitrary<Operation> = fc
  .constantFrom(
    { rax: 4n, rcx: 0x1400n, rdx: 0x1000n },
    { rax: 4n, rcx: 0x1000n, rdx: 0n },
    { rax: 2n, rcx: 0x1000n, rdx: 1n },
    { rax: 6n, rcx: 0x2000n },
    { rax: 22n, rcx: 0x1000n },
  )
  .map((registers) => ({
    op: 'tdcall',
    registers,
    cpl: 0,
    longMode: true,
    interruptPending: false,
    reply: {},
  }));

const info = {
  exitReason: 48n,
  exitQualification: 0n,
  guestLinearAddress: 0n,
  guestPhysicalAddress: 0n,
  instructionLength: 3n,
  instructionInfo: 0n,
};

/** An operation on a TD in any phase. */
export const tdOperation: Arbitrary<Operation> = fc.oneof(
  { weight: 14, arbitrary: tdcall },
  { weight: 8, arbitrary: wellFormed },
  fc.constant({ op: 'page-aug', gpa: 0x2000n, level: 0 } as const),
  params.map((one) => ({ op: 'mng-init', params: one }) as const),
  fc
    .tuple(gpa, content)
    .map(([at, bytes]) => ({ op: 'page-add', gpa: at, content: bytes }) as const),
  gpa.map((at) => ({ op: 'mr-extend', gpa: at }) as const),
  fc.constantFrom<Operation>(
    { op: 'vp-init' },
    { op: 'mr-finalize' },
    { op: 'lock-rtmr', held: true },
    { op: 'lock-rtmr', held: false },
    { op: 'lock-entry', gpa: 0x2000n },
    { op: 'lock-entry', gpa: null },
    { op: 'inject-ve', info },
    { op: 'module-update', teeTcbSvn: new Uint8Array(16).fill(6) },
  ),
  {
    weight: 2,
    arbitrary: fc
      .tuple(gpa, fc.constantFrom<0 | 1>(0, 1))
      .map(([at, level]) => ({ op: 'page-aug', gpa: at, level }) as const),
  },
  gpa.map((at) => ({ op: 'range-block', gpa: at }) as const),
  fc
    .tuple(gpa, content)
    .map(([at, bytes]) => ({ op: 'host-write', gpa: at, content: bytes }) as const),
  {
    weight: 3,
    arbitrary: fc
      .tuple(gpa, content)
      .map(([at, bytes]) => ({ op: 'guest-write', gpa: at, content: bytes }) as const),
  },
  fc
    .tuple(gpa, fc.constantFrom(1, 64, 4096))
    .map(([at, size]) => ({ op: 'guest-read', gpa: at, size }) as const),
);

/** Makes a TD of two pages and lets it run. */
export const BUILD: readonly Operation[] = [
  {
    op: 'mng-init',
    params: {
      attributes: 0n,
      xfam: 0x602e7n,
      gpaw: 48,
      noRbpMod: true,
      mrConfigId: new Uint8Array(48),
      mrOwner: new Uint8Array(48),
      mrOwnerConfig: new Uint8Array(48),
    },
  },
  { op: 'page-add', gpa: 0n, content: new Uint8Array(64).fill(1) },
  { op: 'mr-extend', gpa: 0n },
  { op: 'page-add', gpa: 0x1000n, content: new Uint8Array() },
  { op: 'vp-init' },
  { op: 'mr-finalize' },
];

/** The same, of a TD that wants no #VE for its pending pages. */
export const BUILD_WITHOUT_VE: readonly Operation[] = BUILD.map((operation) =>
  operation.op === 'mng-init'
    ? { ...operation, params: { ...operation.params, attributes: 1n << 28n } }
    : operation,
);

/** A platform and a module. */
export const SETUP: Setup = {
  platform: platformOf('platform', new Uint8Array(16).fill(5)),
  module: moduleOf(Uint8Array.of(5, 1, 2, ...new Uint8Array(13))),
};
