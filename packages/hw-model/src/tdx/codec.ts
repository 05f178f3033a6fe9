// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  plainCodec,
  type Codec,
  type Decoder,
} from '@kernel-models/model-core';
import { DIGEST_SIZE, PAGE_SIZE } from './constants.ts';
import { REGISTER_NAMES, type Operation, type Registers } from './operation.ts';
import type { Outcome } from './outcome.ts';
import type { Setup } from './setup.ts';

const { boolean, bytes, hex, integer, object, oneOf, optional, union } = decode;

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

const page = bytes({ max: PAGE_SIZE });
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

/** JSON to values of the TDX module's model and back. Byte strings are hexadecimal digits. */
export const codec: Codec<Setup, Operation, Outcome> = plainCodec({ setup, operation, outcome });
