// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import {
  decode,
  plainCodec,
  type Codec,
  type Decoder,
  type Invariant,
  type Json,
  type Model,
  type RevisionId,
} from '@kernel-models/model-core';
import { DIGEST_SIZE } from '@kernel-models/hw-model/tdx';
import { areEqual } from '../bytes.ts';
import { apply as applyToDriver } from '../driver/apply.ts';
import { decodeDriverOperation, decodeDriverOutcome, decodeSetup } from '../driver/codec.ts';
import { driverKey } from '../driver/key.ts';
import { initial as initialDriver, type Setup } from '../driver/setup.ts';
import { keyOf } from '../key-of.ts';
import { featuresOf, revisionsWith } from '../revisions.ts';
import { readRegister, writeRegister } from './files.ts';
import { REGISTER_FILES, REGISTERS } from './registers.ts';
import { MEASUREMENT_RULES } from './rules.ts';
import type {
  MeasurementOperation,
  MeasurementOutcome,
  MeasurementState,
  MeasurementStep,
} from './state.ts';

function apply(
  state: MeasurementState,
  operation: MeasurementOperation,
  revision: RevisionId,
): MeasurementStep {
  const features = featuresOf(revision);
  switch (operation.op) {
    case 'mr-read':
      return readRegister(state, operation, features);
    case 'mr-write':
      return writeRegister(state, operation, features);
    default: {
      const done = applyToDriver(state.driver, operation, revision);
      // A driver that is loaded anew has yet to look at the registers.
      const isNew = operation.op === 'load' && done.state !== state.driver;
      const inSync = isNew ? false : state.inSync;
      const changed = done.state !== state.driver || inSync !== state.inSync;
      return { ...done, state: changed ? { driver: done.state, inSync } : state };
    }
  }
}

/** The RTMR that an operation names, and its value in a state. */
function rtmrOf(state: MeasurementState, operation: MeasurementOperation): Uint8Array | undefined {
  if (operation.op !== 'mr-read' && operation.op !== 'mr-write') return undefined;
  const { rtmr } = REGISTERS[operation.register];
  return rtmr === undefined ? undefined : state.driver.td.measurements.rtmr[rtmr];
}

/** Every invariant of the measurement files. */
const INVARIANTS: readonly Invariant<MeasurementState, MeasurementOperation, MeasurementOutcome>[] =
  [
    {
      id: 'measurement.read-is-live',
      sentence: 'A run-time register reads as the module has it, whatever reports lie in between.',
      holds: ({ operation, step: { state, outcome } }) => {
        const register = rtmrOf(state, operation);
        if (operation.op !== 'mr-read' || outcome.kind !== 'bytes' || register === undefined)
          return true;
        const { offset } = operation;
        return areEqual(outcome.bytes, register.slice(offset, offset + outcome.bytes.length));
      },
    },
    {
      id: 'measurement.write-extends',
      sentence:
        'A write that counts makes the register SHA-384 of itself and the 48 bytes; others nothing.',
      holds: ({ before, operation, step: { state, outcome } }) => {
        if (operation.op !== 'mr-write') return true;
        const old = rtmrOf(before, operation);
        const now = rtmrOf(state, operation);
        const counts = outcome.kind === 'value' && outcome.value === BigInt(DIGEST_SIZE);
        if (!counts || old === undefined || now === undefined) {
          return state.driver.td.measurements === before.driver.td.measurements;
        }
        const digest = operation.content.slice(0, DIGEST_SIZE);
        return areEqual(now, sha384.create().update(old).update(digest).digest());
      },
    },
  ];

const { boolean, bytes, integer, object, oneOf, optional, union } = decode;
const position = integer(0, 1 << 20);

const own: Decoder<MeasurementOperation> = union('op', {
  'mr-read': { register: oneOf(REGISTER_FILES), offset: position, size: position },
  'mr-write': {
    register: oneOf(REGISTER_FILES),
    offset: position,
    content: bytes({ max: 4096 }),
    interrupted: optional(boolean),
  },
});
const ownOutcome = object({
  kind: oneOf(['bytes']),
  bytes: bytes({ max: DIGEST_SIZE }),
  tdcalls: integer(0, 1),
});

function member(json: Json | undefined, name: string): unknown {
  return typeof json === 'object' && json !== null ? Reflect.get(json, name) : undefined;
}

const operation: Decoder<MeasurementOperation> = (json, field) =>
  String(member(json, 'op')).startsWith('mr-')
    ? own(json, field)
    : decodeDriverOperation(json, field);

const outcome: Decoder<MeasurementOutcome> = (json, field) =>
  member(json, 'kind') === 'bytes' ? ownOutcome(json, field) : decodeDriverOutcome(json, field);

/** JSON to values of the measurement model and back. Byte strings are hexadecimal digits. */
const codec: Codec<Setup, MeasurementOperation, MeasurementOutcome> = plainCodec({
  setup: decodeSetup,
  operation,
  outcome,
});

/** The measurement registers in sysfs, on the guest driver. Linux 6.16 and 7.0. */
export const model: Model<MeasurementState, MeasurementOperation, MeasurementOutcome, Setup> = {
  name: 'tdx-attest.measurement',
  revisions: revisionsWith(({ measurements }) => measurements),
  rules: MEASUREMENT_RULES,
  codec,
  initial: (setup) => ({ driver: initialDriver(setup), inSync: false }),
  apply,
  key: ({ driver, inSync }) => keyOf([driverKey(driver), inSync]),
  invariants: INVARIANTS,
};
