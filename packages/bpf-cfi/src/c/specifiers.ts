// SPDX-License-Identifier: MIT
import { applyToType, mergeAttributes, readAttributes, type Attributes } from './attributes.ts';
import { builtin, INT, LONG, UNSIGNED_INT, UNSIGNED_LONG } from './builtins.ts';
import { constantExpression, expression } from './expression.ts';
import { readTypeName } from './declarator.ts';
import type { Token } from './lexer.ts';
import { readMembers } from './members.ts';
import type { Reader, Scope } from './reader.ts';
import { unqualified, type BuiltinType, type CType, type TagKind, type TagType } from './type.ts';
import { ARITHMETIC, COMBINATIONS, PREDEFINED, QUALIFIERS, SEGMENTS, STORAGE } from './words.ts';

/*
 * Declaration specifiers: what stands before the declarators. C17 6.7, with GNU C's spellings.
 */

export type Storage = 'typedef' | 'static' | 'extern' | 'other';

/** What the specifiers of a declaration say. */
export interface Specifiers {
  readonly type: CType;
  readonly storage: Storage | undefined;
  /** Attributes that may belong to a function type of each declarator. */
  readonly attributes: Attributes | undefined;
  /** A tag that the specifiers define or declare and to which nothing was added. */
  readonly tag: TagType | undefined;
}

/** Whether a token begins a type name or a declaration. */
export function beginsType(reader: Reader, token: Token): boolean {
  if (token.kind !== 'word') return false;
  if (token.word !== undefined) return token.text !== '__extension__';
  return typedefOf(reader, token.text) !== undefined;
}

/** The type that a name stands for; undefined where it stands for none. */
function typedefOf(reader: Reader, name: string): CType | undefined {
  const entity = reader.lookup(name);
  if (entity !== undefined) return entity.kind === 'typedef' ? entity.type : undefined;
  if (name === 'bool') return builtin('b');
  if (name === 'nullptr_t' && reader.dialect.c23) return builtin('Dn');
  return undefined;
}

/** What has been read so far of one declaration's specifiers. */
interface Progress {
  letters: string;
  bits: number;
  type: CType | undefined;
  tag: TagType | undefined;
  qualifiers: number;
  addressSpace: number | undefined;
  storage: Storage | undefined;
  attributes: Attributes | undefined;
  atomic: boolean;
}

/**
 * Reads declaration specifiers.
 *
 * @param place what is being declared, for messages: `declaration`, `parameter`
 * @throws CSyntaxError where there is no type
 */
export function readSpecifiers(reader: Reader, place: string): Specifiers {
  const progress: Progress = {
    letters: '',
    bits: 0,
    type: undefined,
    tag: undefined,
    qualifiers: 0,
    addressSpace: undefined,
    storage: undefined,
    attributes: undefined,
    atomic: false,
  };
  const start = reader.token;
  while (reader.token.kind === 'word' && readWord(reader, progress)) continue;
  return finish(reader, progress, place, start);
}

function readWord(reader: Reader, progress: Progress): boolean {
  const { text, word } = reader.token;
  switch (word) {
    case undefined:
      return readTypedefName(reader, progress);
    case 'qualifier':
      reader.take();
      progress.qualifiers |= QUALIFIERS.get(text) ?? 0;
      return true;
    case 'segment':
      reader.take();
      progress.addressSpace = SEGMENTS.get(text);
      return true;
    case 'storage':
      reader.take();
      progress.storage = STORAGE.get(text);
      return true;
    case 'function':
      reader.take();
      return true;
    case 'attribute':
      progress.attributes = readAttributes(reader, progress.attributes);
      return true;
    case 'arithmetic':
      readArithmetic(reader, progress);
      return true;
    case 'tag':
      setType(reader, progress, readTag(reader, progress));
      return true;
    case 'typeof':
      setType(reader, progress, readTypeof(reader));
      return true;
    case 'atomic':
      readAtomic(reader, progress);
      return true;
    case 'alignas':
      reader.take();
      reader.skipGroup();
      return true;
    case 'predefined':
      setType(reader, progress, predefined(reader));
      return true;
  }
}

function readTypedefName(reader: Reader, progress: Progress): boolean {
  if (progress.type !== undefined || progress.letters !== '') return false;
  const type = typedefOf(reader, reader.token.text);
  if (type === undefined) return false;
  setType(reader, progress, type);
  reader.take();
  return true;
}

function setType(reader: Reader, progress: Progress, type: CType): void {
  if (progress.type !== undefined || progress.letters !== '') {
    reader.reject('specifiers: expected one type');
  }
  progress.type = type;
}

function predefined(reader: Reader): CType {
  const { text } = reader.take();
  if (text === '__WCHAR_TYPE__' && reader.dialect.shortWchar) return builtin('t');
  return builtin(PREDEFINED.get(text) ?? 'i');
}

function readArithmetic(reader: Reader, progress: Progress): void {
  const token = reader.take();
  if (progress.type !== undefined) reader.reject('specifiers: expected one type', token);
  progress.letters += ARITHMETIC.get(token.text) ?? '';
  if (token.text !== '_BitInt') return;
  reader.expect('(', '_BitInt');
  const width = constantExpression(reader);
  reader.expect(')', '_BitInt');
  if (width === undefined || width < 1n || width > 0x80_0000n) {
    reader.reject('_BitInt: expected a width from 1 to 8388608', token);
  }
  progress.bits = Number(width);
}

function readAtomic(reader: Reader, progress: Progress): void {
  reader.take();
  if (reader.token.text !== '(') {
    progress.atomic = true;
    return;
  }
  reader.take();
  const type = readTypeName(reader);
  reader.expect(')', '_Atomic');
  setType(reader, progress, reader.types.atomic(type));
}

function readTypeof(reader: Reader): CType {
  const { text } = reader.take();
  reader.expect('(', text);
  const type = beginsType(reader, reader.token) ? readTypeName(reader) : expression(reader).type;
  reader.expect(')', text);
  return text === 'typeof_unqual' ? unqualified(type) : type;
}

function finish(reader: Reader, progress: Progress, place: string, start: Token): Specifiers {
  const { attributes, storage, qualifiers, addressSpace } = progress;
  const plain = progress.type ?? arithmetic(reader, progress, place, start);
  let type = progress.atomic ? reader.types.atomic(unqualified(plain)) : plain;
  // A vector of a qualified type is a qualified vector: attributes come first.
  if (attributes !== undefined) type = applyToType(reader, type, attributes);
  type = reader.types.qualified(type, qualifiers, addressSpace);
  const tag = type === progress.tag ? progress.tag : undefined;
  return { type, storage, attributes, tag };
}

function arithmetic(reader: Reader, progress: Progress, place: string, start: Token): CType {
  const { letters, bits } = progress;
  if (letters === '') return reader.fail(place, 'a type');
  if (letters.includes('N')) {
    const rest = letters.replace('N', '');
    if (rest !== '' && rest !== 's' && rest !== 'u')
      reader.reject('_BitInt: expected no other type', start);
    return reader.types.bitInt(rest !== 'u', bits);
  }
  const complex = letters.includes('C');
  const plain = complex ? letters.replace('C', '') : letters;
  const key = sorted(plain);
  const code = COMBINATIONS.get(complex && key === '' ? 'd' : key);
  if (code === undefined)
    reader.reject(`${place}: expected a type, got words that make none`, start);
  const type = builtin(code);
  return complex ? reader.types.complex(type) : type;
}

const SORTED = new Map<string, string>();

/** The letters of a combination in order; there are few combinations, so each is sorted once. */
function sorted(letters: string): string {
  const known = SORTED.get(letters);
  if (known !== undefined) return known;
  const text = [...letters].sort().join('');
  if (letters.length < 8) SORTED.set(letters, text);
  return text;
}

/** A struct, union or enum, with or without a body. */
function readTag(reader: Reader, progress: Progress): TagType {
  const keyword = reader.take().text;
  const kind: TagKind = keyword === 'struct' || keyword === 'union' ? keyword : 'enum';
  const own = readAttributes(reader);
  const at = reader.token;
  const name = at.kind === 'word' && at.word === undefined ? reader.take().text : undefined;
  const fixed = kind === 'enum' ? readUnderlyingType(reader) : undefined;
  const hasBody = reader.token.text === '{';
  if (!hasBody && name === undefined) reader.fail(kind, 'a tag or a body', at);
  const tag = resolveTag(reader, kind, name, hasBody, at);
  if (fixed !== undefined) tag.integer = fixed;
  layOut(tag, own);
  if (hasBody) {
    readBody(reader, tag, fixed);
    const after = readAttributes(reader);
    if (after !== undefined) {
      layOut(tag, after);
      // These two are the tag's; whatever else stands here is the declarators'.
      progress.attributes = mergeAttributes(progress.attributes, {
        ...after,
        packed: false,
        aligned: 0,
      });
    }
  }
  progress.tag = tag;
  return tag;
}

/** Takes over what attributes say of a record's layout. */
function layOut(tag: TagType, attributes: Attributes | undefined): void {
  if (attributes === undefined) return;
  tag.packed ||= attributes.packed;
  tag.aligned = Math.max(tag.aligned, attributes.aligned);
}

/**
 * The tag that a name means here. A body, or `struct tag;` alone, declares it in this scope;
 * otherwise the nearest one is meant, and if there is none, it is declared here. C17 6.7.2.3.
 */
function resolveTag(
  reader: Reader,
  kind: TagKind,
  name: string | undefined,
  hasBody: boolean,
  at: Token,
): TagType {
  const { scope } = reader;
  const declares = hasBody || reader.token.text === ';';
  const known = name === undefined ? undefined : findTag(scope, name, declares);
  if (known !== undefined) {
    if (known.tag !== kind) reader.fail(kind, `${known.tag} ${name ?? ''}, as declared before`, at);
    const complete =
      known.members !== undefined || (known.integer !== undefined && kind !== 'enum');
    if (hasBody && complete) reader.reject(`${kind} ${name ?? ''}: expected one definition`, at);
    return known;
  }
  const home = reader.dialect.fileTags && !hasBody ? outermost(scope) : scope;
  const parent = name === undefined ? reader.record : undefined;
  const tag = reader.types.tag(kind, name, home.tagScope, parent);
  if (name !== undefined) home.declareTag(name, tag);
  return tag;
}

function outermost(scope: Scope): Scope {
  let outer = scope;
  while (outer.parent !== undefined) outer = outer.parent;
  return outer;
}

function findTag(scope: Scope, name: string, onlyHere: boolean): TagType | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    const tag = at.ownTag(name);
    if (tag !== undefined || onlyHere) return tag;
  }
  return undefined;
}

function readUnderlyingType(reader: Reader): BuiltinType | undefined {
  if (reader.token.text !== ':' || !beginsType(reader, reader.peek(1))) return undefined;
  const at = reader.take();
  const { type } = readSpecifiers(reader, 'enum');
  const plain = unqualified(type);
  if (plain.kind !== 'builtin')
    reader.reject('enum: expected an integer type behind the colon', at);
  return plain;
}

function readBody(reader: Reader, tag: TagType, fixed: BuiltinType | undefined): void {
  const start = reader.take();
  if (tag.tag === 'enum') {
    if (tag.integer !== undefined && fixed === undefined) {
      reader.reject(`enum ${tag.name ?? ''}: expected one definition`, start);
    }
    tag.integer = readEnumerators(reader, fixed);
    return;
  }
  const outer = reader.record;
  reader.record = tag;
  tag.members = reader.nested(() => readMembers(reader));
  reader.record = outer;
}

/** Reads enumerators and finds the compatible integer type, as GNU C on x86-64 chooses it. */
function readEnumerators(reader: Reader, fixed: BuiltinType | undefined): BuiltinType {
  const names: [string, bigint][] = [];
  let next = 0n;
  while (reader.token.text !== '}') {
    const token = reader.take();
    if (token.kind !== 'word' || token.word !== undefined)
      reader.fail('enum', 'an enumerator', token);
    readAttributes(reader);
    if (reader.accept('=')) {
      const value = constantExpression(reader);
      if (value === undefined)
        reader.reject(`enumerator ${token.text}: expected a constant`, token);
      next = value;
    }
    names.push([token.text, next]);
    // Later enumerators may use this one.
    reader.scope.declare(token.text, {
      kind: 'enumerator',
      type: fixed ?? smallest(next),
      value: next,
    });
    next += 1n;
    if (!reader.accept(',')) break;
  }
  reader.expect('}', 'enum');
  const integer = fixed ?? compatibleInteger(names.map(([, value]) => value));
  for (const [name, value] of names) {
    const type = fixed ?? (smallest(value) === INT ? INT : integer);
    reader.scope.declare(name, { kind: 'enumerator', type, value });
  }
  return integer;
}

function smallest(value: bigint): BuiltinType {
  if (BigInt.asIntN(32, value) === value) return INT;
  if (BigInt.asUintN(32, value) === value) return UNSIGNED_INT;
  return BigInt.asIntN(64, value) === value ? LONG : UNSIGNED_LONG;
}

function compatibleInteger(values: readonly bigint[]): BuiltinType {
  const negative = values.some((value) => value < 0n);
  const wide = negative
    ? values.some((value) => BigInt.asIntN(32, value) !== value)
    : values.some((value) => BigInt.asUintN(32, value) !== value);
  if (negative) return wide ? LONG : INT;
  return wide ? UNSIGNED_LONG : UNSIGNED_INT;
}
