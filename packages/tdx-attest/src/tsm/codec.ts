// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  ERRNO_NAMES,
  plainCodec,
  type Codec,
  type Decoder,
  type Json,
} from '@kernel-models/model-core';
import { decodeDriverOperation, decodeDriverOutcome } from '../driver/codec.ts';
import { ITEM_FILES, type TsmOperation } from './operation.ts';
import type { TsmOutcome } from './outcome.ts';
import type { Setup } from './setup.ts';

const { boolean, bytes, hex, integer, object, oneOf, optional, string, union } = decode;

const setup: Decoder<Setup> = object({
  tdxGuest: boolean,
  nameTaken: boolean,
  platform: string,
  firstGeneration: optional(hex()),
});

/** A name that mkdir(2) takes. */
const name: Decoder<string> = (json, field) => {
  if (typeof json !== 'string' || !/^[A-Za-z0-9_.-]{1,64}$/.test(json) || /^\.+$/.test(json)) {
    throw new DecodeError(field, 'a name of 1 to 64 letters, digits, _, -, .', json);
  }
  return json;
};

const fd = integer(0, 1023);
const seconds = integer(0, 1_000_000);
const delay: Decoder<'inside' | 'never' | number> = (json, field) =>
  typeof json === 'string' ? oneOf(['inside', 'never'])(json, field) : integer(0)(json, field);
const outLen = integer(0, 0xffff_ffff);

const own: Decoder<TsmOperation> = union('op', {
  load: {
    fails: optional(oneOf(['misc-register', 'quote-buffer'])),
    tdcallStatus: optional(hex()),
    getquoteTimeout: optional(seconds),
  },
  mkdir: { name, parent: oneOf(['report', 'tsm']) },
  rmdir: { name },
  'write-inblob': { name, content: bytes({ max: 4096 }) },
  'read-outblob': { name, signalAfter: optional(seconds) },
  'read-generation': { name },
  'read-provider': { name },
  open: {
    fd,
    name,
    file: oneOf(ITEM_FILES),
    access: oneOf(['read', 'write', 'read-write']),
  },
  write: { fd, content: bytes({ max: 4096 }), offset: optional(integer(0, 1 << 20)) },
  read: { fd, size: integer(0, 1 << 24) },
  lseek: { fd },
  close: { fd },
  'read-size': { fd },
  'read-data': { fd },
  tick: {},
  signal: {},
  'set-host': {
    hypercallStatus: optional(hex()),
    delay: optional(delay),
    finalStatus: optional(hex()),
    outLen: optional(outLen),
  },
  'host-completes': {},
  'host-writes': {
    status: optional(hex()),
    outLen: optional(outLen),
    data: optional(bytes({ max: 1 << 17 })),
  },
  'pass-time': { milliseconds: integer(0) },
});

const DRIVER_OPERATIONS: ReadonlySet<unknown> = new Set([
  'unload',
  'bind',
  'unbind',
  'ioctl',
  'device-call',
  'set-tdcall-status',
]);

function opOf(json: Json | undefined, tag: 'op' | 'kind'): unknown {
  return typeof json === 'object' && json !== null && tag in json ? Reflect.get(json, tag) : null;
}

function operation(json: Json | undefined, field: string): TsmOperation {
  if (!DRIVER_OPERATIONS.has(opOf(json, 'op'))) return own(json, field);
  const decoded = decodeDriverOperation(json, field);
  if (decoded.op === 'load') throw new DecodeError(`${field}.op`, 'another operation', json);
  return decoded;
}

const cost = optional(object({ tdcalls: integer(0, 1), hypercalls: integer(0, 1), seconds }));
const write: Decoder<number | (typeof ERRNO_NAMES)[number]> = (json, field) =>
  typeof json === 'string' ? oneOf(ERRNO_NAMES)(json, field) : integer(0, 64)(json, field);
const size = integer(0, 0xffff_ffff);
const ownOutcome: Decoder<TsmOutcome> = union('kind', {
  errno: {
    errno: oneOf(ERRNO_NAMES),
    tdcalls: optional(integer(0, 1)),
    buffer: optional(bytes({ max: 1088 })),
    cost,
  },
  written: { write, generation: hex() },
  blob: { size, head: bytes({ max: 16 }), bytes: optional(bytes({ max: 1 << 17 })), cost },
  size: { size, cost },
  text: { text: string },
  waiting: { cost },
  blocked: {},
});

function outcome(json: Json | undefined, field: string): TsmOutcome {
  const kind = opOf(json, 'kind');
  return kind === 'value' || kind === 'report'
    ? decodeDriverOutcome(json, field)
    : ownOutcome(json, field);
}

/** JSON to values of the report items' model and back. Byte strings are hexadecimal digits. */
export const codec: Codec<Setup, TsmOperation, TsmOutcome> = plainCodec({
  setup,
  operation,
  outcome,
});
