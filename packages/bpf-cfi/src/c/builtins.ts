// SPDX-License-Identifier: MIT
import type { BuiltinType } from './type.ts';

type Row = readonly [code: string, name: string, size: number, rank: number];

/** Rank 0 is that of bool, then char, short, int, long, long long, __int128. */
const SIGNED: readonly Row[] = [
  ['c', 'char', 1, 1],
  ['a', 'signed char', 1, 1],
  ['s', 'short', 2, 2],
  ['i', 'int', 4, 3],
  ['l', 'long', 8, 4],
  ['x', 'long long', 8, 5],
  ['n', '__int128', 16, 6],
];
const UNSIGNED: readonly Row[] = [
  ['b', '_Bool', 1, 0],
  ['h', 'unsigned char', 1, 1],
  ['t', 'unsigned short', 2, 2],
  ['j', 'unsigned int', 4, 3],
  ['m', 'unsigned long', 8, 4],
  ['y', 'unsigned long long', 8, 5],
  ['o', 'unsigned __int128', 16, 6],
];
const FLOATING: readonly Row[] = [
  ['DF16_', '_Float16', 2, 0],
  ['Dh', '__fp16', 2, 0],
  ['DF16b', '__bf16', 2, 0],
  ['f', 'float', 4, 1],
  ['d', 'double', 8, 2],
  ['e', 'long double', 16, 3],
  ['g', '__float128', 16, 4],
];

function rows(
  table: readonly Row[],
  family: BuiltinType['family'],
  signed: boolean,
  first: number,
): readonly BuiltinType[] {
  return table.map(([code, name, size, rank], index) => ({
    kind: 'builtin',
    serial: first + index,
    ...{ code, name, size, rank, family, signed },
  }));
}

/**
 * The builtin types of C on x86-64 by their code in a mangled name. Itanium C++ ABI, 5.1.5.2;
 * sizes: System V ABI, AMD64 supplement, 3.1.2.
 */
const TYPES: ReadonlyMap<string, BuiltinType> = new Map(
  [
    ...rows([['v', 'void', 0, 0]], 'void', false, 0),
    ...rows([['Dn', 'nullptr_t', 8, 0]], 'nullptr', false, 1),
    ...rows(SIGNED, 'integer', true, 2),
    ...rows(UNSIGNED, 'integer', false, 10),
    ...rows(FLOATING, 'floating', true, 20),
  ].map((type) => [type.code, type]),
);

/** Serial numbers below this one are those of builtin types. */
export const FIRST_SERIAL = 64;

/**
 * A builtin type.
 *
 * @throws RangeError where no type has the code
 */
export function builtin(code: string): BuiltinType {
  const type = TYPES.get(code);
  if (type === undefined) throw new RangeError(`code: expected a builtin type's, got ${code}`);
  return type;
}

export const VOID: BuiltinType = builtin('v');
export const CHAR: BuiltinType = builtin('c');
export const INT: BuiltinType = builtin('i');
export const UNSIGNED_INT: BuiltinType = builtin('j');
export const LONG: BuiltinType = builtin('l');
export const UNSIGNED_LONG: BuiltinType = builtin('m');
export const DOUBLE: BuiltinType = builtin('d');
