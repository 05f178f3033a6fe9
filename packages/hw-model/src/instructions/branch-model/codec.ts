// SPDX-License-Identifier: MIT
import {
  decode,
  DecodeError,
  formatHex,
  type Codec,
  type Decoder,
  type Json,
} from '@kernel-models/model-core';
import { VECTORS, type Vector } from '../../cpu/exception.ts';
import { PIECE_SIZE } from './layout.ts';
import type { BranchOperation } from './operation.ts';
import type { BranchOutcome } from './outcome.ts';
import type { BranchSetup } from './setup.ts';

const { boolean, hex, integer, object, oneOf, string, union } = decode;

function oneOfNumbers<const Value extends number>(
  values: readonly Value[],
  expected: string,
): Decoder<Value> {
  return (json, field) => {
    const found = values.find((one) => one === json);
    if (found === undefined) throw new DecodeError(field, expected, json);
    return found;
  };
}

const piece: Decoder<string> = (json, field) => {
  if (typeof json !== 'string' || !PIECE.test(json)) {
    throw new DecodeError(field, `hexadecimal digits of at most ${PIECE_SIZE} bytes`, json);
  }
  return json;
};
const PIECE = new RegExp(`^(?:[0-9a-f]{2}){0,${PIECE_SIZE}}$`);

const vector: Decoder<Vector> = oneOfNumbers(VECTORS, 'the vector of an exception');
const vectorOrNone: Decoder<Vector | null> = (json, field) =>
  json === null ? null : vector(json, field);
const errorCode: Decoder<number | null> = (json, field) =>
  json === null ? null : integer(0, 0xffff)(json, field);

const setup: Decoder<BranchSetup> = object({ cet: boolean, uCet: hex(), sCet: hex() });
const operation: Decoder<BranchOperation> = union('op', {
  wrmsr: { msr: oneOf(['uCet', 'sCet']), value: hex() },
  execute: {
    cpl: oneOfNumbers([0, 3], '0 or 3'),
    code: piece,
    target: piece,
    second: piece,
    handler: piece,
    bitmap: integer(0, 255),
    start: oneOf(['plain', 'stepping', 'interrupted']),
    handled: vectorOrNone,
    absent: vectorOrNone,
  },
});
const msrs = { uCet: hex(), sCet: hex() };
const outcome: Decoder<BranchOutcome> = union('kind', {
  written: msrs,
  refused: msrs,
  exception: {
    vector,
    errorCode,
    rip: hex(),
    rsp: hex(),
    rax: hex(),
    flags: integer(0, 0xffff),
    cpl: oneOfNumbers([0, 1, 2, 3], '0 to 3'),
    ...msrs,
  },
  unsupported: { reason: string },
});

/** Flat records, whose 64-bit quantities JSON holds as hexadecimal strings. */
function encode(value: Readonly<Record<string, string | number | bigint | boolean | null>>): Json {
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      typeof field === 'bigint' ? formatHex(field) : field,
    ]),
  );
}

/** JSON and values of this model. */
export const codec: Codec<BranchSetup, BranchOperation, BranchOutcome> = {
  decodeSetup: (json) => setup(json, 'setup'),
  encodeSetup: (value) => encode({ ...value }),
  decodeOperation: (json) => operation(json, 'operation'),
  encodeOperation: (value) => encode({ ...value }),
  decodeOutcome: (json) => outcome(json, 'outcome'),
  encodeOutcome: (value) => encode({ ...value }),
};
