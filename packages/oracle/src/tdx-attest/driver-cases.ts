// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { driver, TDX_CMD_GET_REPORT0, tsm } from '@kernel-models/tdx-attest';
import type { Case } from '../target.ts';

/*
 * Cases for a kernel whose TDX module and host are ours. What can be put to it is told with the
 * model: a case is played there, and what could not be done to a real kernel in that place is left
 * out.
 */

type TsmCase = Case<tsm.Setup, tsm.TsmOperation>;

/** The revision that says what a case may contain; what comes of it the kernel says. */
const REVISION = 'linux-6.12';

/**
 * A scripted answer comes in the middle of a second, where nothing else happens: the driver sleeps
 * up to 40 ms longer than a second at first and 24 ms each time after that, the probe acts in the
 * first third of a second.
 */
const MIDDLE = { from: 500, to: 900, late: 40, lateEachTime: 24 } as const;

/** Seconds for which the driver's looks come before the probe's acts. */
const LONGEST_STEPWISE_WAIT = 10;

/** Calls that change nothing when they are no longer held off; others end a case. */
const HARMLESS_WHEN_HELD_OFF: ReadonlySet<tsm.TsmOperation['op']> = new Set([
  'read-generation',
  'read-provider',
  'write',
  'lseek',
]);

/**
 * The part of a history that can be put to a kernel: operations that cannot are left out, the bytes
 * of a read that waited are fetched where it ends, and behind a call that is held off there is
 * nothing.
 */
export function executablePart(
  setup: tsm.Setup,
  operations: readonly tsm.TsmOperation[],
): readonly tsm.TsmOperation[] {
  const kept: tsm.TsmOperation[] = [];
  let state = tsm.model.initial(setup);
  const put = (operation: tsm.TsmOperation): tsm.TsmOutcome => {
    const step = tsm.model.apply(state, operation, REVISION);
    state = step.state;
    kept.push(operation);
    return step.outcome;
  };
  for (const [index, operation] of operations.entries()) {
    if (!canBePut(state, operation)) continue;
    const fd = state.waiting?.fd ?? 0;
    const outcome = put(operation);
    if (outcome.kind === 'blocked' && !HARMLESS_WHEN_HELD_OFF.has(operation.op)) break;
    if (operation.op === 'tick' && outcome.kind === 'size' && outcome.size > 0) {
      const next = operations[index + 1];
      put(next?.op === 'read-data' && next.fd === fd ? next : { op: 'read-data', fd });
    }
  }
  return kept;
}

/** Whether every operation of a case can be put to a kernel. */
export function isExecutableByDriver({ setup, operations }: TsmCase): boolean {
  if (setup.firstGeneration !== undefined) return false;
  const kept = executablePart(setup, operations);
  return kept.length === operations.length && kept.every((one, at) => one === operations[at]);
}

function canBePut(state: tsm.TsmState, operation: tsm.TsmOperation): boolean {
  const { waiting, files, driver: below } = state;
  switch (operation.op) {
    case 'load':
      // Two failures of misc_register() at once: which one comes first is the fake's choice.
      if (below.nameTaken && operation.fails === 'misc-register') return false;
      return (operation.getquoteTimeout ?? tsm.GETQUOTE_TIMEOUT) === tsm.GETQUOTE_TIMEOUT;
    // Where the name is somebody else's, so is the device.
    case 'ioctl':
      return operation.interrupted !== true && !below.nameTaken;
    case 'device-call':
      return !below.nameTaken;
    case 'open':
      return files[operation.fd] === undefined;
    case 'read': {
      // Behind a read that waited the file's position is where that read ended.
      const { fetched, position } = files[operation.fd] ?? { fetched: null, position: 0 };
      if (waiting !== null || (fetched !== null && position === 0)) return false;
      return operation.size <= MOST_READ && !answers(state, operation, 'waiting');
    }
    case 'read-size':
      return waiting === null && answers(state, operation, 'waiting');
    case 'read-data':
      return false;
    case 'close':
      return waiting?.fd !== operation.fd && !answers(state, operation, 'blocked');
    case 'tick':
      return waiting !== null && waiting.slept < LONGEST_STEPWISE_WAIT;
    case 'signal':
      return waiting !== null;
    case 'read-outblob':
      return (operation.signalAfter ?? 0) <= LONGEST_STEPWISE_WAIT;
    case 'pass-time':
      return waiting === null && operation.milliseconds % 1000 === 0;
    case 'set-host':
      return typeof operation.delay !== 'number' || isInTheMiddle(operation.delay);
    case 'host-writes':
      return (operation.data?.length ?? 0) <= MOST_WRITTEN;
    default:
      return true;
  }
}

/** Bytes that the probe reads and writes at once. */
const MOST_READ = 1 << 16;
const MOST_WRITTEN = 4096;

function answers(
  state: tsm.TsmState,
  operation: tsm.TsmOperation,
  kind: tsm.TsmOutcome['kind'],
): boolean {
  return tsm.model.apply(state, operation, REVISION).outcome.kind === kind;
}

function isInTheMiddle(milliseconds: number): boolean {
  const part = milliseconds % 1000;
  const lateness = MIDDLE.late + MIDDLE.lateEachTime * Math.floor(milliseconds / 1000);
  return part >= Math.max(MIDDLE.from, lateness) && part <= MIDDLE.to;
}

/** An operation, its type told. */
const act = (operation: tsm.TsmOperation): tsm.TsmOperation => operation;

const byte = fc.integer({ min: 0, max: 255 });
const filled = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);
const nonce = byte.map((value) => filled(64, value));
const name = fc.constantFrom('q0', 'q0', 'q0', 'q1');
const fd = fc.constantFrom(3, 4);
/** A call on a descriptor that is not open says little, however often. */
const MOST_BAD_DESCRIPTORS = 1;

type Ioctl = Extract<driver.DriverOperation, { readonly op: 'ioctl' }>;

/** Statuses that the driver tells apart, those that it does not, and warnings. */
const tdcallStatus = fc.constantFrom(
  0n,
  0n,
  5n,
  0x301_0000_0007n,
  0x8000_0200_0000_00a8n,
  0xc000_0100_0000_0001n,
  0xc000_0100_0000_0008n,
  0xc000_0b00_0000_0000n,
  0xffff_ffff_ffff_ffffn,
);

const finalStatus = fc.constantFrom(
  tsm.GET_QUOTE_SUCCESS,
  tsm.GET_QUOTE_SUCCESS,
  tsm.GET_QUOTE_ERROR,
  tsm.GET_QUOTE_SERVICE_UNAVAILABLE,
  tsm.GET_QUOTE_IN_FLIGHT,
  1n,
);

/** About the sizes that somebody compares with: the buffer's, configfs's, those of 32 bits. */
const outLen = fc.constantFrom(
  ...[0, 1, 15, 16, 17, 32, 64, 100, 1024, 4096, 8167, 8168],
  ...[8169, 8192, 16384, 32768, 32769, 0x7fff_ffff, 0xffff_ffff],
);

const delay = fc.oneof(
  { weight: 4, arbitrary: fc.constant('inside' as const) },
  { weight: 1, arbitrary: fc.constant('never' as const) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 0, 1, 2, 5, 28, 29, 30), fc.constantFrom(500, 700, 900))
      .map(([seconds, part]) => (seconds > 20 ? seconds * 1000 + 900 : seconds * 1000 + part)),
  },
);

const ioctl: Arbitrary<Ioctl> = fc
  .record({
    cmd: fc.oneof(
      { weight: 6, arbitrary: fc.constant(BigInt(TDX_CMD_GET_REPORT0)) },
      fc.constantFrom(0xc008_5401n, 0xc440_5402n, 0x1_c440_5401n, 0xffff_ffffn),
    ),
    mapped: fc.oneof(
      { weight: 4, arbitrary: fc.constant(1088) },
      fc.constantFrom(0, 1, 63, 64, 65, 1023, 1024, 1087),
    ),
    reportData: nonce,
    writable: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
    allocationFails: fc.constantFrom<Ioctl['allocationFails']>(
      ...([undefined, undefined, undefined, undefined, 'first', 'second'] as const),
    ),
  })
  .map(({ cmd, allocationFails, ...buffer }): Ioctl => ({
    op: 'ioctl',
    cmd,
    buffer,
    ...(allocationFails !== undefined && { allocationFails }),
  }));

const inblob = fc.oneof(
  { weight: 8, arbitrary: nonce },
  fc
    .tuple(fc.constantFrom(0, 1, 32, 63, 65, 128, 4096), byte)
    .map(([size, value]) => filled(size, value)),
);

/** What a host does with the memory that it shares. */
const hostMove: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 3, arbitrary: delay.map((one) => act({ op: 'set-host', delay: one })) },
  { weight: 2, arbitrary: outLen.map((one) => act({ op: 'set-host', outLen: one })) },
  { weight: 2, arbitrary: finalStatus.map((one) => act({ op: 'set-host', finalStatus: one })) },
  fc
    .constantFrom(0n, 0n, 1n, 0x8000_0000_0000_0000n, 0x8000_0000_0000_0003n)
    .map((hypercallStatus) => act({ op: 'set-host', hypercallStatus })),
  fc.constant(act({ op: 'host-completes' })),
  fc
    .record(
      {
        status: finalStatus,
        outLen,
        data: fc
          .tuple(fc.constantFrom(1, 64, 1024, 4096), byte)
          .map(([size, value]) => filled(size, value)),
      },
      { requiredKeys: [] },
    )
    .map((fields) => act({ op: 'host-writes', ...fields })),
  fc.constantFrom(1000, 3000).map((milliseconds) => act({ op: 'pass-time', milliseconds })),
);

/** Whole uses of an item's files, as a shell makes them. */
const itemUse: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 6, arbitrary: name.map((one) => act({ op: 'read-outblob', name: one })) },
  fc
    .tuple(name, fc.constantFrom(0, 1, 3, 10))
    .map(([one, signalAfter]) => act({ op: 'read-outblob', name: one, signalAfter })),
  {
    weight: 4,
    arbitrary: fc
      .tuple(name, inblob)
      .map(([one, content]) => act({ op: 'write-inblob', name: one, content })),
  },
  { weight: 2, arbitrary: name.map((one) => act({ op: 'read-generation', name: one })) },
  name.map((one) => act({ op: 'read-provider', name: one })),
  { weight: 2, arbitrary: name.map((one) => act({ op: 'mkdir', name: one, parent: 'report' })) },
  name.map((one) => act({ op: 'rmdir', name: one })),
  fc.constant(act({ op: 'mkdir', name: 'q0', parent: 'tsm' })),
);

const LIKELY_OPENS = [
  ['inblob', 'write'],
  ['inblob', 'write'],
  ['outblob', 'read'],
  ['outblob', 'read'],
  ['outblob', 'read'],
  ['generation', 'read'],
  ['provider', 'read'],
] as const;

/** The same call by call, and reads that wait while other things happen. */
const fileUse: Arbitrary<tsm.TsmOperation> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fd, name, fc.constantFrom(...LIKELY_OPENS))
      .map(([one, item, [file, access]]) =>
        act({
          op: 'open',
          fd: one,
          name: item,
          file,
          access,
        }),
      ),
  },
  fc
    .tuple(
      fd,
      name,
      fc.constantFrom(...tsm.ITEM_FILES),
      fc.constantFrom('read', 'write', 'read-write'),
    )
    .map(([one, item, file, access]) =>
      act({
        op: 'open',
        fd: one,
        name: item,
        file,
        access,
      }),
    ),
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fd,
        fc
          .tuple(fc.constantFrom(0, 1, 32, 64, 65), byte)
          .map(([size, value]) => filled(size, value)),
        fc.constantFrom(undefined, undefined, 0, 32, 64),
      )
      .map(([one, content, offset]) =>
        act({
          op: 'write',
          fd: one,
          content,
          ...(offset !== undefined && { offset }),
        }),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fd, fc.constantFrom(1, 16, 64, 4096, 65536))
      .map(([one, size]) => act({ op: 'read', fd: one, size })),
  },
  { weight: 4, arbitrary: fd.map((one) => act({ op: 'read-size', fd: one })) },
  { weight: 3, arbitrary: fd.map((one) => act({ op: 'close', fd: one })) },
  { weight: 2, arbitrary: fd.map((one) => act({ op: 'lseek', fd: one })) },
  { weight: 6, arbitrary: fc.constant(act({ op: 'tick' })) },
  fc.constant(act({ op: 'signal' })),
);

/** The driver: its module, its ioctl, the calls that it does not have. */
const driverUse: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(act({ op: 'load' })) },
  fc.constantFrom('misc-register', 'quote-buffer').map((fails) => act({ op: 'load', fails })),
  tdcallStatus.map((status) => act({ op: 'load', tdcallStatus: status })),
  { weight: 2, arbitrary: fc.constant(act({ op: 'unload' })) },
  fc.constantFrom(act({ op: 'bind' }), act({ op: 'unbind' })),
  { weight: 5, arbitrary: ioctl },
  fc.constantFrom('read', 'write', 'lseek').map((call) => act({ op: 'device-call', call })),
  { weight: 3, arbitrary: tdcallStatus.map((status) => act({ op: 'set-tdcall-status', status })) },
);

const setup: Arbitrary<tsm.Setup> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(driver.DEFAULT_SETUP) },
  fc.constant({ ...driver.DEFAULT_SETUP, nameTaken: true }),
  fc.constant({ ...driver.DEFAULT_SETUP, tdxGuest: false }),
);

/** A loaded driver and an item with a nonce; often a read of its outblob, too, that waits. */
const opening: Arbitrary<readonly tsm.TsmOperation[]> = fc
  .tuple(nonce, fc.constantFrom('nothing', 'item', 'item', 'item', 'read'), delay)
  .map(([content, much, later]) => {
    const item: readonly tsm.TsmOperation[] = [
      { op: 'load' },
      { op: 'mkdir', name: 'q0', parent: 'report' },
      { op: 'write-inblob', name: 'q0', content },
    ];
    const read: readonly tsm.TsmOperation[] = [
      { op: 'set-host', delay: later === 'inside' ? 2500 : later },
      { op: 'open', fd: 3, name: 'q0', file: 'outblob', access: 'read' },
      { op: 'read-size', fd: 3 },
    ];
    return much === 'nothing' ? [] : much === 'item' ? item : [...item, ...read];
  });

/** A history with few calls on descriptors that are not open. */
function withoutIdleCalls(
  world: tsm.Setup,
  operations: readonly tsm.TsmOperation[],
): readonly tsm.TsmOperation[] {
  let state = tsm.model.initial(world);
  let bad = 0;
  return operations.filter((operation) => {
    const step = tsm.model.apply(state, operation, REVISION);
    if (step.rule === 'file.bad-descriptor') bad += 1;
    const kept = step.rule !== 'file.bad-descriptor' || bad <= MOST_BAD_DESCRIPTORS;
    if (kept) state = step.state;
    return kept;
  });
}

const deviceCall = fc
  .constantFrom<'read' | 'write' | 'lseek'>('read', 'write', 'lseek')
  .map((call): driver.DriverOperation => ({ op: 'device-call', call }));

/** Calls on the device of a TDX guest in use, whose TDX module nobody scripts. */
export function deviceCases(): Arbitrary<Case<driver.Setup, driver.DriverOperation>> {
  const plain = ioctl.map(({ op, cmd, buffer }): driver.DriverOperation => ({ op, cmd, buffer }));
  return fc
    .array(fc.oneof({ weight: 5, arbitrary: plain }, deviceCall), { minLength: 1, maxLength: 12 })
    .map((calls) => ({
      setup: driver.DEFAULT_SETUP,
      operations: [{ op: 'load' } as const, ...calls],
    }));
}

/** Whether a case asks nothing of a TDX guest in use but calls on its device. */
export function isForDevice({
  setup,
  operations: [first, ...rest],
}: Case<driver.Setup, driver.DriverOperation>): boolean {
  return (
    setup.tdxGuest &&
    !setup.nameTaken &&
    first?.op === 'load' &&
    first.fails === undefined &&
    rest.every(
      (one) =>
        one.op === 'device-call' ||
        (one.op === 'ioctl' && one.allocationFails === undefined && one.interrupted !== true),
    )
  );
}

/** Histories of the driver and its report items that can be put to a kernel. */
export function driverCases(): Arbitrary<TsmCase> {
  // Each history has its own idea of what is worth doing.
  const weights = fc.tuple(...[itemUse, fileUse, hostMove, driverUse].map(() => fc.nat(4)));
  return weights
    .filter((all) => all.some((weight) => weight > 0))
    .chain(([items = 0, files = 0, host = 0, below = 0]) =>
      fc.record({
        setup,
        opening,
        rest: fc.array(
          fc.oneof(
            { weight: items, arbitrary: itemUse },
            { weight: files, arbitrary: fileUse },
            { weight: host, arbitrary: hostMove },
            { weight: below, arbitrary: driverUse },
          ),
          { minLength: 1, maxLength: 30, size: 'max' },
        ),
      }),
    )
    .map(({ setup: world, opening: first, rest }) => ({
      setup: world,
      operations: executablePart(world, withoutIdleCalls(world, [...first, ...rest])),
    }))
    .filter(({ operations }) => operations.length > 0);
}
