// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { TDX_CMD_GET_REPORT0, tsm, type driver } from '@kernel-models/tdx-attest';

/* What can be asked of the driver and its report items, drawn about the values that they compare. */

/** An operation, its type told. */
const act = (operation: tsm.TsmOperation): tsm.TsmOperation => operation;

const byte = fc.integer({ min: 0, max: 255 });
const filled = (size: number, value: number): Uint8Array => new Uint8Array(size).fill(value);
export const nonce: Arbitrary<Uint8Array> = byte.map((value) => filled(64, value));
const name = fc.constantFrom('q0', 'q0', 'q0', 'q1');
const fd = fc.constantFrom(3, 4);
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

export const delay: Arbitrary<'inside' | 'never' | number> = fc.oneof(
  { weight: 4, arbitrary: fc.constant('inside' as const) },
  { weight: 1, arbitrary: fc.constant('never' as const) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(0, 0, 1, 2, 5, 28, 29, 30), fc.constantFrom(500, 700, 900))
      .map(([seconds, part]) => (seconds > 20 ? seconds * 1000 + 900 : seconds * 1000 + part)),
  },
);

export const ioctl: Arbitrary<Ioctl> = fc
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
export const hostMove: Arbitrary<tsm.TsmOperation> = fc.oneof(
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
export const itemUse: Arbitrary<tsm.TsmOperation> = fc.oneof(
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
export const fileUse: Arbitrary<tsm.TsmOperation> = fc.oneof(
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
export const driverUse: Arbitrary<tsm.TsmOperation> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(act({ op: 'load' })) },
  fc.constantFrom('misc-register', 'quote-buffer').map((fails) => act({ op: 'load', fails })),
  tdcallStatus.map((status) => act({ op: 'load', tdcallStatus: status })),
  { weight: 2, arbitrary: fc.constant(act({ op: 'unload' })) },
  fc.constantFrom(act({ op: 'bind' }), act({ op: 'unbind' })),
  { weight: 5, arbitrary: ioctl },
  fc.constantFrom('read', 'write', 'lseek').map((call) => act({ op: 'device-call', call })),
  { weight: 3, arbitrary: tdcallStatus.map((status) => act({ op: 'set-tdcall-status', status })) },
);
