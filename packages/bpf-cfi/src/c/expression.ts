// SPDX-License-Identifier: MIT
import { commonType, constantType, convert, operate, promoted, valueType } from './arithmetic.ts';
import { builtin, CHAR, DOUBLE, INT, LONG, UNSIGNED_LONG, VOID } from './builtins.ts';
import { readTypeName } from './declarator.ts';
import { findMember, layoutOf } from './layout.ts';
import type { Token } from './lexer.ts';
import type { Reader } from './reader.ts';
import { beginsType } from './specifiers.ts';
import { unqualified, type CType } from './type.ts';

/*
 * Expressions, as far as declarations need them: the values of constant ones, for bounds and
 * enumerators, and the types of all, for typeof. One pass gives both. C17 6.5 and 6.6.
 */

/** What an expression is known to be. */
export interface Operand {
  /** Of an lvalue with its qualifiers. */
  readonly type: CType;
  /** Of an integer constant expression, C17 6.6; everything else makes an array bound variable. */
  readonly value: bigint | undefined;
  readonly lvalue: boolean;
  /** Of a bit-field. */
  readonly bits?: number | undefined;
  /** Of a floating constant, which is an integer constant once it is cast to an integer. */
  readonly floating?: number | undefined;
}

function rvalue(type: CType, value?: bigint): Operand {
  return { type: valueType(type), value, lvalue: false };
}

/** The value of a constant expression; undefined where it is not constant. */
export function constantExpression(reader: Reader): bigint | undefined {
  return conditional(reader).value;
}

/** Any expression, commas included. */
export function expression(reader: Reader): Operand {
  let operand = assignment(reader);
  while (reader.accept(',')) operand = { ...decayed(reader, assignment(reader)), value: undefined };
  return operand;
}

const ASSIGNMENTS = new Set('= *= /= %= += -= <<= >>= &= ^= |='.split(' '));

function assignment(reader: Reader): Operand {
  const left = conditional(reader);
  if (!ASSIGNMENTS.has(reader.token.text) || reader.token.kind !== 'punctuator') return left;
  reader.take();
  assignment(reader);
  return rvalue(left.type);
}

function conditional(reader: Reader): Operand {
  const condition = binary(reader, 0);
  if (!reader.accept('?')) return condition;
  const omitted = reader.token.text === ':';
  const first = decayed(reader, omitted ? condition : expression(reader));
  reader.expect(':', 'conditional');
  const second = decayed(reader, conditional(reader));
  const type = conditionalType(first.type, second.type);
  const known = [condition, first, second].every(({ value }) => value !== undefined);
  const chosen = condition.value === 0n ? second : first;
  return rvalue(type, known ? fit(reader, chosen.value ?? 0n, type) : undefined);
}

function conditionalType(a: CType, b: CType): CType {
  if (a.kind === 'pointer' && b.kind === 'pointer') {
    return unqualified(a.to) === VOID ? a : unqualified(b.to) === VOID ? b : a;
  }
  if (a.kind === 'pointer' || b.kind === 'pointer') return a.kind === 'pointer' ? a : b;
  return isArithmetic(a) && isArithmetic(b) ? commonType(promoted(a), promoted(b)) : a;
}

const LEVELS: readonly ReadonlySet<string>[] = [
  ['||'],
  ['&&'],
  ['|'],
  ['^'],
  ['&'],
  ['==', '!='],
  ['<', '>', '<=', '>='],
  ['<<', '>>'],
  ['+', '-'],
  ['*', '/', '%'],
].map((operators) => new Set(operators));

function binary(reader: Reader, level: number): Operand {
  const operators = LEVELS[level];
  if (operators === undefined) return cast(reader);
  let left = binary(reader, level + 1);
  while (reader.token.kind === 'punctuator' && operators.has(reader.token.text)) {
    const operator = reader.take();
    left = combine(reader, operator, left, binary(reader, level + 1));
  }
  return left;
}

function combine(reader: Reader, operator: Token, left: Operand, right: Operand): Operand {
  const { text } = operator;
  if (text === '&&' || text === '||') return logical(text, left, right);
  const [a, b] = [decayed(reader, left), decayed(reader, right)];
  if (a.type.kind === 'pointer' || b.type.kind === 'pointer') {
    return pointerArithmetic(reader, operator, a, b);
  }
  if (a.type.kind === 'vector' || b.type.kind === 'vector') {
    return rvalue(a.type.kind === 'vector' ? a.type : b.type);
  }
  if (!isArithmetic(a.type) || !isArithmetic(b.type)) {
    reader.reject(`${text}: expected arithmetic operands`, operator);
  }
  const [pa, pb] = [promoted(a.type, left.bits), promoted(b.type, right.bits)];
  const shift = text === '<<' || text === '>>';
  const common = shift ? pa : commonType(pa, pb);
  const isComparison = /^([<>]=?|[!=]=)$/.test(text);
  const known =
    a.value === undefined || b.value === undefined
      ? undefined
      : operate(text, fit(reader, a.value, common), shift ? b.value : fit(reader, b.value, common));
  const type = isComparison ? INT : common;
  return rvalue(type, known === undefined ? undefined : fit(reader, known, type));
}

function logical(operator: string, left: Operand, right: Operand): Operand {
  if (left.value === undefined || right.value === undefined) return rvalue(INT);
  const [a, b] = [left.value !== 0n, right.value !== 0n];
  return rvalue(INT, (operator === '||' ? a || b : a && b) ? 1n : 0n);
}

/** Its value is no integer constant expression, so its type is all that is wanted of it. */
function pointerArithmetic(reader: Reader, operator: Token, a: Operand, b: Operand): Operand {
  const { text } = operator;
  if (/^([<>]=?|[!=]=)$/.test(text)) return rvalue(INT);
  const both = a.type.kind === 'pointer' && b.type.kind === 'pointer';
  if (both && text === '-') return rvalue(LONG);
  if (both || (text !== '+' && text !== '-')) {
    reader.reject(`${text}: expected arithmetic operands`, operator);
  }
  return rvalue(a.type.kind === 'pointer' ? a.type : b.type);
}

function cast(reader: Reader): Operand {
  if (reader.token.text !== '(' || !beginsType(reader, reader.peek(1))) return unary(reader);
  return reader.nested(() => {
    const start = reader.take();
    const type = readTypeName(reader);
    reader.expect(')', 'cast');
    if (reader.token.text === '{') {
      reader.skipGroup();
      return postfix(reader, { type, value: undefined, lvalue: true });
    }
    const operand = decayed(reader, cast(reader));
    const target = valueType(type);
    if (target.kind === 'tag' && target.tag !== 'enum') {
      reader.reject('cast: expected a scalar type', start);
    }
    if (target.kind === 'pointer' || isFloating(target)) return rvalue(target);
    const { floating } = operand;
    const value = floating === undefined ? operand.value : BigInt(Math.trunc(floating));
    return rvalue(target, value === undefined ? undefined : fit(reader, value, target));
  });
}

const SIZEOF = new Set(['sizeof', '_Alignof', 'alignof', '__alignof__', '__alignof']);

function unary(reader: Reader): Operand {
  const { token } = reader;
  if (token.kind === 'word' && SIZEOF.has(token.text)) return sizeOrAlign(reader);
  if (token.text === '__extension__') {
    reader.take();
    return cast(reader);
  }
  if (token.kind !== 'punctuator') return postfix(reader, primary(reader));
  switch (token.text) {
    case '++':
    case '--':
      reader.take();
      return rvalue(unary(reader).type);
    case '&':
      reader.take();
      return addressOf(reader, cast(reader), token);
    case '*':
      reader.take();
      return dereference(reader, decayed(reader, cast(reader)), token);
    case '+':
    case '-':
    case '~':
    case '!':
      reader.take();
      return reader.nested(() => sign(reader, token, cast(reader)));
    default:
      return postfix(reader, primary(reader));
  }
}

function sign(reader: Reader, operator: Token, operand: Operand): Operand {
  const { value } = operand;
  if (operator.text === '!')
    return rvalue(INT, value === undefined ? undefined : value === 0n ? 1n : 0n);
  if (!isArithmetic(valueType(operand.type))) {
    reader.reject(`${operator.text}: expected an arithmetic operand`, operator);
  }
  const type = promoted(operand.type, operand.bits);
  if (value === undefined) return rvalue(type);
  const result = operator.text === '-' ? -value : operator.text === '~' ? ~value : value;
  return rvalue(type, fit(reader, result, type));
}

function sizeOrAlign(reader: Reader): Operand {
  const word = reader.take();
  const type =
    reader.token.text === '(' && beginsType(reader, reader.peek(1))
      ? parenthesizedType(reader)
      : unary(reader).type;
  const layout = layoutOf(type);
  if (layout === undefined) {
    if (isVariable(type)) return rvalue(UNSIGNED_LONG);
    reader.reject(`${word.text}: expected a complete type`, word);
  }
  return rvalue(UNSIGNED_LONG, BigInt(word.text === 'sizeof' ? layout.size : layout.align));
}

function isVariable(type: CType): boolean {
  return type.kind === 'array' && (type.bound === 'variable' || isVariable(type.element));
}

function parenthesizedType(reader: Reader): CType {
  reader.expect('(', 'type');
  const type = readTypeName(reader);
  reader.expect(')', 'type');
  return type;
}

function addressOf(reader: Reader, operand: Operand, operator: Token): Operand {
  if (!operand.lvalue && operand.type.kind !== 'function') {
    reader.reject('&: expected an lvalue', operator);
  }
  return rvalue(reader.types.pointer(operand.type));
}

function dereference(reader: Reader, operand: Operand, operator: Token): Operand {
  const { type } = operand;
  if (type.kind !== 'pointer') reader.reject('*: expected a pointer', operator);
  return { type: type.to, value: undefined, lvalue: true };
}

function postfix(reader: Reader, first: Operand): Operand {
  let operand = first;
  for (;;) {
    const { token } = reader;
    if (token.kind !== 'punctuator') return operand;
    if (token.text === '[') {
      reader.take();
      const sum = combine(reader, { ...token, text: '+' }, operand, expression(reader));
      reader.expect(']', 'subscript');
      operand = dereference(reader, sum, token);
    } else if (token.text === '(') operand = call(reader, operand);
    else if (token.text === '.' || token.text === '->') operand = member(reader, operand);
    else if (token.text === '++' || token.text === '--') {
      reader.take();
      operand = rvalue(operand.type);
    } else return operand;
  }
}

function call(reader: Reader, callee: Operand): Operand {
  const { type } = decayed(reader, callee);
  const target = type.kind === 'pointer' ? unqualified(type.to) : type;
  if (target.kind !== 'function') reader.fail('call', 'a function before it');
  reader.skipGroup();
  return rvalue(target.returns);
}

function member(reader: Reader, operand: Operand): Operand {
  const arrow = reader.take();
  const base = arrow.text === '->' ? dereference(reader, decayed(reader, operand), arrow) : operand;
  const record = unqualified(base.type);
  const name = reader.take();
  if (record.kind !== 'tag' || record.tag === 'enum') {
    reader.reject(`${arrow.text}: expected a struct or union`, arrow);
  }
  const found = findMember(record, name.text);
  if (found === undefined) reader.fail('member', `one of ${record.tag} ${record.name ?? ''}`, name);
  const qualifiers = base.type.kind === 'qualified' ? base.type.qualifiers : 0;
  const space = base.type.kind === 'qualified' ? base.type.addressSpace : undefined;
  return {
    type: reader.types.qualified(found.member.type, qualifiers, space),
    value: undefined,
    lvalue: base.lvalue,
    bits: found.member.bits,
  };
}

function primary(reader: Reader): Operand {
  const token = reader.take();
  switch (token.kind) {
    case 'number':
      return numeral(reader, token);
    case 'character':
      return rvalue(characterType(reader, token), characterValue(reader, token));
    case 'string':
      return string(reader, token);
    case 'word':
      return named(reader, token);
    default:
      break;
  }
  if (token.text !== '(') reader.fail('expression', 'an operand', token);
  return reader.nested(() => {
    const inner = expression(reader);
    reader.expect(')', 'expression');
    return inner;
  });
}

function named(reader: Reader, token: Token): Operand {
  const entity = reader.lookup(token.text);
  if (entity?.kind === 'enumerator') return rvalue(entity.type, entity.value);
  if (entity?.kind === 'object') {
    const { type } = entity;
    return { type, value: undefined, lvalue: type.kind !== 'function' };
  }
  if (token.text === 'offsetof' || token.text === '__builtin_offsetof') return offsetOf(reader);
  if (reader.dialect.c23 && (token.text === 'true' || token.text === 'false')) {
    return rvalue(builtin('b'), token.text === 'true' ? 1n : 0n);
  }
  if (reader.dialect.c23 && token.text === 'nullptr') return rvalue(builtin('Dn'), 0n);
  return reader.fail('expression', 'a declared name', token);
}

/** offsetof(type, member.member[index]): constant where every index is. C17 7.19. */
function offsetOf(reader: Reader): Operand {
  reader.expect('(', 'offsetof');
  let type = readTypeName(reader);
  reader.expect(',', 'offsetof');
  let offset: bigint | undefined = 0n;
  do {
    const token = reader.take();
    const record = unqualified(type);
    const found = record.kind === 'tag' ? findMember(record, token.text) : undefined;
    if (found?.offset === undefined) reader.fail('offsetof', 'a member of a complete type', token);
    type = found.member.type;
    if (offset !== undefined) offset += BigInt(found.offset);
    while (reader.token.text === '[') {
      const bracket = reader.take();
      const index = expression(reader).value;
      reader.expect(']', 'offsetof');
      if (type.kind !== 'array') reader.reject('offsetof: expected an array', bracket);
      type = type.element;
      const size = layoutOf(type)?.size;
      if (offset === undefined || index === undefined || size === undefined) offset = undefined;
      else offset += index * BigInt(size);
    }
  } while (reader.accept('.'));
  reader.expect(')', 'offsetof');
  return rvalue(UNSIGNED_LONG, offset);
}

const INTEGER = /^(0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)([uU]?[lL]{0,2}|[lL]{1,2}[uU])$/;
const FLOATING =
  /^(?:[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?|0[xX].*[pP][+-]?[0-9]+)([fFlL]|f16|q|Q)?$/;

function numeral(reader: Reader, token: Token): Operand {
  const match = INTEGER.exec(token.text);
  if (match !== null) {
    const [, digits = '', suffix = ''] = match;
    const octal = /^0[0-9]+$/.test(digits);
    if (octal && /[89]/.test(digits)) reader.fail('number', 'octal digits', token);
    const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
    const decimal = !digits.startsWith('0') || digits === '0';
    return rvalue(constantType(value, suffix.toLowerCase(), decimal), value);
  }
  const floating = FLOATING.exec(token.text);
  if (floating === null) reader.fail('number', 'a number', token);
  const suffix = (floating[1] ?? '').toLowerCase();
  const code = { f: 'f', l: 'e', f16: 'DF16_', q: 'g' }[suffix];
  const type = code === undefined ? DOUBLE : builtin(code);
  return { ...rvalue(type), floating: parseFloat(token.text) };
}

const ESCAPES: Readonly<Record<string, number>> = {
  ...{ n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, e: 27, E: 27 },
  ...{ '\\': 92, "'": 39, '"': 34, '?': 63 },
};
const UNIT = /\\x[0-9a-fA-F]+|\\[0-7]{1,3}|\\[uU][0-9a-fA-F]+|\\.|[^\\]/gsu;

function codeUnits(reader: Reader, token: Token): readonly number[] {
  const body = token.text.replace(/^(u8|[uUL])/, '').slice(1, -1);
  return (body.match(UNIT) ?? []).flatMap((unit) => {
    if (!unit.startsWith('\\')) return unit.codePointAt(0) ?? 0;
    if (/^\\[xuU]/.test(unit)) return parseInt(unit.slice(2), 16);
    if (/^\\[0-7]/.test(unit)) return parseInt(unit.slice(1), 8);
    const code = ESCAPES[unit.slice(1)];
    if (code === undefined) reader.fail('literal', 'a known escape', token);
    return code;
  });
}

/** An int, but for the wide ones. C17 6.4.4.4. */
function characterType(reader: Reader, { text }: Token): CType {
  if (text.startsWith('u')) return builtin('t');
  if (text.startsWith('U')) return builtin('j');
  return text.startsWith('L') && reader.dialect.shortWchar ? builtin('t') : INT;
}

/** Several characters are packed into an int, the first on top, as GCC and clang do. */
function characterValue(reader: Reader, token: Token): bigint {
  const units = codeUnits(reader, token);
  if (units.length === 0) reader.fail('literal', 'a character', token);
  const wide = /^[uUL]/.test(token.text);
  const { unsignedChar } = reader.dialect;
  const [only] = units;
  if (wide) return BigInt(only ?? 0);
  if (units.length === 1) return convert(BigInt(only ?? 0), CHAR, unsignedChar);
  return BigInt.asIntN(
    32,
    units.reduce((value, unit) => (value << 8n) | BigInt(unit & 0xff), 0n),
  );
}

function string(reader: Reader, first: Token): Operand {
  let units = codeUnits(reader, first).length;
  while (reader.token.kind === 'string') units += codeUnits(reader, reader.take()).length;
  const wide = /^[UL]/.test(first.text) ? INT : first.text.startsWith('u"') ? builtin('t') : CHAR;
  const type = reader.types.array(wide, BigInt(units + 1));
  return { type, value: undefined, lvalue: true };
}

/** An array becomes a pointer to its first element, a function one to itself; lvalues are read. */
function decayed(reader: Reader, operand: Operand): Operand {
  const { type } = operand;
  if (type.kind === 'array') return rvalue(reader.types.pointer(type.element));
  if (type.kind === 'function') return rvalue(reader.types.pointer(type));
  return operand.lvalue ? { ...rvalue(type), bits: operand.bits } : operand;
}

function isFloating(type: CType): boolean {
  return type.kind === 'builtin' && type.family === 'floating';
}

function isArithmetic(type: CType): boolean {
  switch (type.kind) {
    case 'builtin':
      return type.family === 'integer' || type.family === 'floating';
    case 'tag':
      return type.tag === 'enum';
    case 'bitint':
    case 'complex':
      return true;
    default:
      return false;
  }
}

function fit(reader: Reader, value: bigint, type: CType): bigint {
  return convert(value, type, reader.dialect.unsignedChar);
}
