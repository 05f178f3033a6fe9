// SPDX-License-Identifier: MIT
import { builtin, INT, LONG, UNSIGNED_INT, UNSIGNED_LONG } from './builtins.ts';
import { unqualified, type BuiltinType, type CType } from './type.ts';

/*
 * The types and values of integer arithmetic. C17 6.3.1.1 and 6.3.1.8, on x86-64.
 */

/**
 * The type of a value: without qualifiers, of an enum its integer type, of an atomic what is in it.
 */
export function valueType(type: CType): CType {
  const plain = unqualified(type);
  if (plain.kind === 'atomic') return valueType(plain.type);
  return plain;
}

/** Integer promotion; of a bit-field, by its width. Other types stay. */
export function promoted(type: CType, bits?: number): CType {
  const plain = valueType(type);
  if (plain.kind === 'tag' && plain.tag === 'enum') {
    return plain.integer === undefined ? INT : promoted(plain.integer, bits);
  }
  if (plain.kind !== 'builtin' || plain.family !== 'integer') return plain;
  if (bits !== undefined) {
    if (bits < 32 || (bits === 32 && plain.signed)) return INT;
    if (bits === 32) return UNSIGNED_INT;
    return plain;
  }
  return plain.rank < INT.rank ? INT : plain;
}

/** The common type of two arithmetic operands; the left one's where either is not arithmetic. */
export function commonType(left: CType, right: CType): CType {
  const a = left.kind === 'complex' ? left.element : left;
  const b = right.kind === 'complex' ? right.element : right;
  if (a.kind === 'bitint' || b.kind === 'bitint') return commonBitInt(a, b);
  if (a.kind !== 'builtin' || b.kind !== 'builtin') return left;
  if (a.family === 'floating' || b.family === 'floating') {
    const wider = a.family !== 'floating' ? right : b.family !== 'floating' ? left : undefined;
    if (wider !== undefined) return wider;
    const byRank = a.rank >= b.rank ? left : right;
    return left.kind === 'complex' && byRank === right ? right : byRank;
  }
  return commonInteger(a, b);
}

function commonInteger(a: BuiltinType, b: BuiltinType): BuiltinType {
  if (a.signed === b.signed) return a.rank >= b.rank ? a : b;
  const [signed, unsigned] = a.signed ? [a, b] : [b, a];
  if (unsigned.rank >= signed.rank) return unsigned;
  if (signed.size > unsigned.size) return signed;
  return unsignedOf(signed);
}

/** A _BitInt is wider than a standard integer of the same number of bits only by its own bits. */
function commonBitInt(a: CType, b: CType): CType {
  const width = (type: CType): number =>
    type.kind === 'bitint' ? type.bits : type.kind === 'builtin' ? 8 * type.size : 0;
  const floating = [a, b].find((type) => type.kind === 'builtin' && type.family === 'floating');
  if (floating !== undefined) return floating;
  if (width(a) !== width(b)) return width(a) > width(b) ? a : b;
  return a.kind === 'bitint' ? b : a;
}

function unsignedOf(type: BuiltinType): BuiltinType {
  return builtin({ i: 'j', l: 'm', x: 'y', n: 'o' }[type.code] ?? type.code);
}

/** A value as an integer type holds it: two's complement, modulo two to its width. */
export function convert(value: bigint, type: CType, unsignedChar: boolean): bigint {
  const plain = valueType(type);
  if (plain.kind === 'bitint') {
    return plain.signed ? BigInt.asIntN(plain.bits, value) : BigInt.asUintN(plain.bits, value);
  }
  if (plain.kind === 'pointer') return BigInt.asUintN(64, value);
  const integer = plain.kind === 'tag' ? (plain.integer ?? INT) : plain;
  if (integer.kind !== 'builtin' || integer.family !== 'integer') return value;
  if (integer.code === 'b') return value === 0n ? 0n : 1n;
  const width = 8 * integer.size;
  const signed = integer.signed && !(unsignedChar && integer.code === 'c');
  return signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
}

/** A binary operator on two values of one type; undefined where the result is not defined. */
export function operate(operator: string, a: bigint, b: bigint): bigint | undefined {
  const truth = (holds: boolean): bigint => (holds ? 1n : 0n);
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? undefined : a / b;
    case '%':
      return b === 0n ? undefined : a % b;
    case '<<':
      return b < 0n || b > 127n ? undefined : a << b;
    case '>>':
      return b < 0n || b > 127n ? undefined : a >> b;
    case '&':
      return a & b;
    case '^':
      return a ^ b;
    case '|':
      return a | b;
    case '<':
      return truth(a < b);
    case '>':
      return truth(a > b);
    case '<=':
      return truth(a <= b);
    case '>=':
      return truth(a >= b);
    case '==':
      return truth(a === b);
    case '!=':
      return truth(a !== b);
    default:
      return undefined;
  }
}

/**
 * The type of an integer constant: the first in its list that can hold it. C17 6.4.4.1.
 *
 * @param decimal whether it is written in decimal, where no unsigned type is tried
 */
export function constantType(value: bigint, suffix: string, decimal: boolean): BuiltinType {
  const unsigned = suffix.includes('u');
  const longs = suffix.includes('ll') ? 2 : suffix.includes('l') ? 1 : 0;
  const ladder = [
    ...(longs === 0 ? [INT, UNSIGNED_INT] : []),
    ...(longs <= 1 ? [LONG, UNSIGNED_LONG] : []),
    ...[builtin('x'), builtin('y')],
  ].filter((type) => (unsigned ? !type.signed : type.signed || !decimal));
  const fits = ladder.find((type) => value < 1n << BigInt(8 * type.size - (type.signed ? 1 : 0)));
  return fits ?? builtin('y');
}
