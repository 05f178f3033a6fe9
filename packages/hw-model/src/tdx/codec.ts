// SPDX-License-Identifier: MIT
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import {
  decode,
  DecodeError,
  formatHex,
  type Codec,
  type Decoder,
  type Json,
  type JsonObject,
} from '@kernel-models/model-core';
import { DIGEST_SIZE, PAGE_SIZE } from './constants.ts';
import { REGISTER_NAMES, type Operation, type Registers } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { Setup } from './setup.ts';

const { boolean, hex, integer, object, oneOf, optional, union } = decode;

/**
 * Bytes as a hexadecimal string without a prefix, of a size or of at most one.
 *
 * @param exact whether `size` is the size and not its limit
 */
function bytes(size: number, exact: boolean = true): Decoder<Uint8Array> {
  return (json, field) => {
    const expected = `${exact ? '' : 'at most '}${size} bytes as hexadecimal digits`;
    if (typeof json !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(json)) {
      throw new DecodeError(field, expected, json);
    }
    const value = hexToBytes(json);
    if (exact ? value.length !== size : value.length > size) {
      throw new DecodeError(field, expected, json);
    }
    return value;
  };
}

function number<const Value extends number>(...values: readonly Value[]): Decoder<Value> {
  return (json, field) => {
    const found = values.find((value) => value === json);
    if (found === undefined) throw new DecodeError(field, `one of ${values.join(', ')}`, json);
    return found;
  };
}

const nullableHex: Decoder<bigint | null> = (json, field) =>
  json === null ? null : hex()(json, field);

const registers: Decoder<Registers> = object(
  Object.fromEntries(REGISTER_NAMES.map((name) => [name, optional(hex())])),
);

const setup: Decoder<Setup> = object({
  platform: object({ reportKey: bytes(32), cpuSvn: bytes(16) }),
  module: object({
    teeTcbSvn: bytes(16),
    teeTcbSvn2: bytes(16),
    mrSeam: bytes(DIGEST_SIZE),
    mrSignerSeam: bytes(DIGEST_SIZE),
    attributes: hex(),
  }),
});

const page = bytes(PAGE_SIZE, false);
const u32 = hex(0n, 0xffff_ffffn);
const operation: Decoder<Operation> = union('op', {
  tdcall: {
    registers,
    cpl: number(0, 1, 2, 3),
    longMode: boolean,
    interruptPending: boolean,
    reply: registers,
  },
  'mng-init': {
    params: object({
      attributes: hex(),
      xfam: hex(),
      gpaw: number(48, 52),
      noRbpMod: boolean,
      mrConfigId: bytes(DIGEST_SIZE),
      mrOwner: bytes(DIGEST_SIZE),
      mrOwnerConfig: bytes(DIGEST_SIZE),
    }),
  },
  'page-add': { gpa: hex(), content: page },
  'mr-extend': { gpa: hex() },
  'vp-init': {},
  'mr-finalize': {},
  'page-aug': { gpa: hex(), level: number(0, 1) },
  'range-block': { gpa: hex() },
  'lock-rtmr': { held: boolean },
  'lock-entry': { gpa: nullableHex },
  'inject-ve': {
    info: object({
      exitReason: u32,
      exitQualification: hex(),
      guestLinearAddress: hex(),
      guestPhysicalAddress: hex(),
      instructionLength: u32,
      instructionInfo: u32,
    }),
  },
  'host-write': { gpa: hex(), content: page },
  'module-update': { teeTcbSvn: bytes(16) },
  'guest-write': { gpa: hex(), content: page },
  'guest-read': { gpa: hex(), size: integer(0, PAGE_SIZE) },
});

const outcome: Decoder<Outcome> = union('kind', {
  completed: { rax: hex(), registers: optional(registers), hostView: optional(registers) },
  unmodelled: {},
  retry: {},
  fault: { vector: oneOf(['#GP', '#UD', '#VE', '#DF']) },
  'td-exit': { reason: oneOf(['ept-violation', 'triple-fault']) },
  seamcall: { status: hex() },
  done: {},
  bytes: { bytes: page },
  refused: {},
});

/** A value as JSON: bytes as hexadecimal digits, bigints as `0x…`. */
function toJson(value: unknown): Json {
  if (value instanceof Uint8Array) return bytesToHex(value);
  if (typeof value === 'bigint') return formatHex(value);
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(fields.map(([name, field]) => [name, toJson(field)])) as JsonObject;
  }
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value;
  }
  return null;
}

/** JSON to values of the TDX module's model and back. Byte strings are hexadecimal digits. */
export const codec: Codec<Setup, Operation, Outcome> = {
  decodeSetup: (json) => setup(json, 'setup'),
  encodeSetup: toJson,
  decodeOperation: (json) => operation(json, 'operation'),
  encodeOperation: toJson,
  decodeOutcome: (json) => outcome(json, 'outcome'),
  encodeOutcome: toJson,
};
