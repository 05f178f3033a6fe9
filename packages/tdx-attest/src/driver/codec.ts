// SPDX-License-Identifier: MIT
import {
  decode,
  ERRNO_NAMES,
  plainCodec,
  type Codec,
  type Decoder,
} from '@kernel-models/model-core';
import { REPORTDATA_SIZE, TDREPORT_SIZE } from '@kernel-models/hw-model/tdx';
import { LOAD_FAILURES, type DriverOperation } from './operation.ts';
import type { DriverOutcome } from './outcome.ts';
import type { Setup } from './setup.ts';

const { array, boolean, bytes, hex, integer, object, oneOf, optional, string, union } = decode;

/** Bytes of struct tdx_report_req. */
const REQUEST_SIZE = REPORTDATA_SIZE + TDREPORT_SIZE;

export const decodeSetup: Decoder<Setup> = object({
  tdxGuest: boolean,
  nameTaken: boolean,
  platform: string,
});

/** An operation of the driver, for this codec and those of the layers above. */
export const decodeDriverOperation: Decoder<DriverOperation> = union('op', {
  load: { fails: optional(oneOf(LOAD_FAILURES)), tdcallStatus: optional(hex()) },
  unload: {},
  bind: {},
  unbind: {},
  ioctl: {
    cmd: hex(),
    buffer: object({
      reportData: bytes(REPORTDATA_SIZE),
      mapped: integer(0, REQUEST_SIZE),
      writable: boolean,
    }),
    allocationFails: optional(oneOf(['first', 'second'])),
    interrupted: optional(boolean),
  },
  'device-call': { call: oneOf(['read', 'write', 'lseek']) },
  'set-tdcall-status': { status: hex() },
});

const tdcalls = optional(integer(0, 1));
const buffer = optional(bytes({ max: REQUEST_SIZE }));
const log = optional(array(string));

/** An outcome of the driver, for this codec and those of the layers above. */
export const decodeDriverOutcome: Decoder<DriverOutcome> = union('kind', {
  value: { value: hex(), log },
  errno: { errno: oneOf(ERRNO_NAMES), tdcalls, buffer, log },
  report: { tdcalls, echo: bytes({ min: 8, max: REPORTDATA_SIZE }), buffer },
});

/** JSON to values of the driver's model and back. Byte strings are hexadecimal digits. */
export const codec: Codec<Setup, DriverOperation, DriverOutcome> = plainCodec({
  setup: decodeSetup,
  operation: decodeDriverOperation,
  outcome: decodeDriverOutcome,
});
