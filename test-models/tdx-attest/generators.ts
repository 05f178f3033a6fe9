// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import {
  driver,
  measurement,
  TDX_CMD_GET_REPORT0,
  TDX_CMD_GET_TDREPORT,
  tsm,
} from '@kernel-models/tdx-attest';

/** No two bytes near each other are alike, so that none can stand for another. */
const filled = (size: number, value: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, index) => value + index);
const byte = fc.integer({ min: 0, max: 255 });

const buffer: Arbitrary<driver.UserBuffer> = fc.record({
  reportData: byte.map((value) => filled(64, value)),
  mapped: fc.oneof(
    { weight: 6, arbitrary: fc.constant(1088) },
    { weight: 4, arbitrary: fc.constantFrom(0, 1, 63, 64, 65, 1023, 1024, 1087) },
  ),
  writable: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
});

const ioctl: Arbitrary<Extract<driver.DriverOperation, { op: 'ioctl' }>> = fc
  .record(
    {
      op: fc.constant('ioctl' as const),
      cmd: fc.oneof(
        { weight: 4, arbitrary: fc.constant(BigInt(TDX_CMD_GET_REPORT0)) },
        { weight: 4, arbitrary: fc.constant(BigInt(TDX_CMD_GET_TDREPORT)) },
        fc.constantFrom(0xffff_ffffn, 0xc440_5402n, 0x1_c440_5401n),
      ),
      buffer,
      allocationFails: fc.constantFrom('first' as const, 'second' as const),
      interrupted: fc.boolean(),
    },
    { requiredKeys: ['op', 'cmd', 'buffer'] },
  )
  // Most calls meet neither a failing allocation nor a signal.
  .chain((one) =>
    fc.oneof(
      { weight: 6, arbitrary: fc.constant({ op: one.op, cmd: one.cmd, buffer: one.buffer }) },
      fc.constant(one),
    ),
  );

/** TDCALL statuses: success, those with an errno of their own, warnings, and the low half alone. */
const status: Arbitrary<bigint> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0n) },
  fc.constantFrom(
    5n,
    0xc000_0100_0000_0008n,
    0x8000_0200_0000_00a8n,
    0xc000_0b00_0000_0000n,
    0x301_0000_0007n,
  ),
);

const setStatus = status.map((value) => ({ op: 'set-tdcall-status', status: value }) as const);

/** An operation of the driver in any revision. */
export const driverOperation: Arbitrary<driver.DriverOperation> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ op: 'load' } as const) },
  fc.constantFrom(...driver.LOAD_FAILURES).map((fails) => ({ op: 'load', fails }) as const),
  status.map((tdcallStatus) => ({ op: 'load', tdcallStatus }) as const),
  { weight: 2, arbitrary: fc.constant({ op: 'unload' } as const) },
  { weight: 2, arbitrary: fc.constant({ op: 'bind' } as const) },
  { weight: 2, arbitrary: fc.constant({ op: 'unbind' } as const) },
  { weight: 8, arbitrary: ioctl },
  fc
    .constantFrom('read' as const, 'write' as const, 'lseek' as const)
    .map((call) => ({ op: 'device-call', call }) as const),
  { weight: 3, arbitrary: setStatus },
);

/** A world for the driver. */
export const driverSetup: Arbitrary<driver.Setup> = fc.record({
  tdxGuest: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
  nameTaken: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
  platform: fc.constant('platform'),
});

const name = fc.constantFrom('q0', 'q1');
const inblobSize = fc.oneof(
  { weight: 5, arbitrary: fc.constant(64) },
  fc.constantFrom(0, 1, 63, 65, 128),
);
const content = fc.tuple(inblobSize, byte).map(([size, value]) => filled(size, value));

const hostBehaviour: Arbitrary<tsm.TsmOperation> = fc.oneof(
  fc
    .constantFrom<tsm.Host['delay']>('inside', 'inside', 'never', 500, 1300, 2500)
    .map((delay) => ({ op: 'set-host', delay }) as const),
  fc
    .constantFrom(0n, 0n, tsm.GET_QUOTE_ERROR, tsm.GET_QUOTE_SERVICE_UNAVAILABLE)
    .map((finalStatus) => ({ op: 'set-host', finalStatus }) as const),
  fc
    .constantFrom(0, 1, 64, 100, 8168, 8169, 32768, 32769, 0x20000, 0x7fff_ffff)
    .map((outLen) => ({ op: 'set-host', outLen }) as const),
  fc
    .constantFrom(0n, 0n, 1n, 0x8000_0000_0000_0000n)
    .map((hypercallStatus) => ({ op: 'set-host', hypercallStatus }) as const),
);

/** What the naive reference plays, too: whole reads and writes, a scripted host. */
export const guestOperation: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ op: 'load', getquoteTimeout: 2 } as const) },
  fc.constant({ op: 'unload' } as const),
  {
    weight: 4,
    arbitrary: name.map((one) => ({ op: 'mkdir', name: one, parent: 'report' }) as const),
  },
  name.map((one) => ({ op: 'rmdir', name: one }) as const),
  {
    weight: 8,
    arbitrary: fc
      .tuple(name, content)
      .map(([one, bytes]) => ({ op: 'write-inblob', name: one, content: bytes }) as const),
  },
  { weight: 8, arbitrary: name.map((one) => ({ op: 'read-outblob', name: one }) as const) },
  name.map((one) => ({ op: 'read-generation', name: one }) as const),
  name.map((one) => ({ op: 'read-provider', name: one }) as const),
  { weight: 4, arbitrary: hostBehaviour },
  setStatus,
  fc.constant({ op: 'host-completes' } as const),
  { weight: 2, arbitrary: ioctl.map(({ op, cmd, buffer: one }) => ({ op, cmd, buffer: one })) },
);

const fd = fc.constantFrom(3, 4);

const open: Arbitrary<tsm.TsmOperation> = fc
  .tuple(
    fd,
    name,
    fc.oneof(
      { weight: 5, arbitrary: fc.constant(['outblob', 'read'] as const) },
      { weight: 3, arbitrary: fc.constant(['inblob', 'write'] as const) },
      { weight: 2, arbitrary: fc.constantFrom(['generation', 'read'], ['provider', 'read']) },
      fc.tuple(
        fc.constantFrom(...tsm.ITEM_FILES),
        fc.constantFrom('read' as const, 'write' as const, 'read-write' as const),
      ),
    ) as Arbitrary<readonly [tsm.ItemFile, 'read' | 'write' | 'read-write']>,
  )
  .map(([one, item, [file, access]]) => ({ op: 'open', fd: one, name: item, file, access }));

const write: Arbitrary<tsm.TsmOperation> = fc
  .tuple(fd, content, fc.option(fc.constantFrom(0, 32, 64), { nil: undefined }))
  .map(([one, bytes, offset]) => ({
    op: 'write',
    fd: one,
    content: bytes,
    ...(offset !== undefined && { offset }),
  }));

const hostWrites: Arbitrary<tsm.TsmOperation> = fc.record(
  {
    op: fc.constant('host-writes' as const),
    status: fc.constantFrom(0n, tsm.GET_QUOTE_IN_FLIGHT, tsm.GET_QUOTE_ERROR),
    outLen: fc.constantFrom(0, 32, 9000, 0x20000),
    data: byte.map((value) => filled(40, value)),
  },
  { requiredKeys: ['op'] },
);

/** The calls one by one, signals, and a host that writes what it likes. */
const fileOperation: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 6, arbitrary: open },
  { weight: 3, arbitrary: write },
  {
    weight: 12,
    arbitrary: fc
      .tuple(fd, fc.constantFrom('close', 'read-size', 'read-size', 'read-data', 'lseek'))
      .map(([one, op]): tsm.TsmOperation => ({ op, fd: one })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fd, fc.constantFrom(1, 64, 4096, 40_000))
      .map(([one, size]) => ({ op: 'read', fd: one, size }) as const),
  },
  { weight: 3, arbitrary: fc.constant({ op: 'tick' } as const) },
  fc.constant({ op: 'signal' } as const),
  fc.constantFrom(400, 1000).map((milliseconds) => ({ op: 'pass-time', milliseconds }) as const),
  hostWrites,
);

/** What keeps a read from coming as far as the host, as seldom as a run of calls needs it. */
const obstacle: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 2, arbitrary: guestOperation },
  ioctl,
  fc.constantFrom<tsm.TsmOperation>(
    { op: 'load', fails: 'misc-register' },
    { op: 'load', fails: 'quote-buffer' },
    { op: 'load', tdcallStatus: 0x8000_0200_0000_00a8n },
    { op: 'mkdir', name: 'q0', parent: 'tsm' },
    { op: 'bind' },
    { op: 'unbind' },
    { op: 'device-call', call: 'lseek' },
  ),
);

/** Everything that can be asked of the report items. */
export const tsmOperation: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 30, arbitrary: fileOperation },
  { weight: 6, arbitrary: obstacle },
  { weight: 2, arbitrary: fc.constant({ op: 'load', getquoteTimeout: 2 } as const) },
  { weight: 3, arbitrary: hostBehaviour },
  { weight: 2, arbitrary: fc.constant({ op: 'set-tdcall-status', status: 0n } as const) },
  {
    weight: 2,
    arbitrary: name.map((one) => ({ op: 'mkdir', name: one, parent: 'report' }) as const),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(name, byte)
      .map(
        ([one, value]) => ({ op: 'write-inblob', name: one, content: filled(64, value) }) as const,
      ),
  },
  fc
    .tuple(name, fc.integer({ min: 0, max: 2 }))
    .map(([one, signalAfter]) => ({ op: 'read-outblob', name: one, signalAfter }) as const),
);

const register = fc.constantFrom(...measurement.REGISTER_FILES);
const digest = byte.map((value) => filled(48, value));

/** An operation of the measurement files, and of the driver below. */
export const measurementOperation: Arbitrary<measurement.MeasurementOperation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(register, fc.constantFrom(0, 0, 0, 16, 48, 50), fc.constantFrom(48, 48, 10, 0, 100))
      .map(([one, offset, size]) => ({ op: 'mr-read', register: one, offset, size }) as const),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        register,
        fc.constantFrom(0, 0, 0, 0, 16, 48),
        fc.oneof(
          { weight: 5, arbitrary: digest },
          fc.constantFrom(filled(0, 0), filled(47, 1), filled(60, 2)),
        ),
        fc.constantFrom(false, false, false, false, true),
      )
      .map(
        ([one, offset, bytes, interrupted]) =>
          ({ op: 'mr-write', register: one, offset, content: bytes, interrupted }) as const,
      ),
  },
  { weight: 3, arbitrary: fc.constant({ op: 'load' } as const) },
  { weight: 4, arbitrary: driverOperation },
);
