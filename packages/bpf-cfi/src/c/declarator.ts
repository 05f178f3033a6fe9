// SPDX-License-Identifier: MIT
import {
  applyToFunction,
  applyToType,
  hasFunctionPart,
  readAttributes,
  type Attributes,
} from './attributes.ts';
import { VOID } from './builtins.ts';
import { constantExpression } from './expression.ts';
import { Scope, type Reader } from './reader.ts';
import { beginsType, readSpecifiers } from './specifiers.ts';
import { unqualified, type CType, type FunctionName } from './type.ts';
import { QUALIFIERS, SEGMENTS } from './words.ts';

/*
 * Declarators: C17 6.7.6. They are read from the identifier outwards and applied in the reverse
 * order, from the specifiers' type inwards.
 */

/** One step of a declarator. The first one of a list is the nearest to the identifier. */
type Chunk =
  | {
      readonly kind: 'pointer';
      readonly qualifiers: number;
      readonly addressSpace: number | undefined;
      readonly atomic: boolean;
      readonly attributes: Attributes | undefined;
    }
  | { readonly kind: 'array'; readonly bound: bigint | 'variable' | undefined }
  | {
      readonly kind: 'function';
      readonly parameters: readonly CType[] | undefined;
      readonly variadic: boolean;
      readonly attributes: Attributes[];
    }
  | { readonly kind: 'parentheses'; readonly attributes: Attributes };

/** A declarator, not yet applied to a type. */
export interface Declarator {
  readonly name: string | undefined;
  /** Where the name stands, or the declarator begins. */
  readonly offset: number;
  readonly chunks: Chunk[];
  /** Those at its end. */
  attributes: Attributes | undefined;
  /** The names of a K&R definition's parameters. */
  identifiers: readonly string[] | undefined;
  /** The scope of the function's own parameters. */
  parameterScope: Scope | undefined;
}

/** Whether an identifier is demanded, allowed, or excluded. */
export type Naming = 'named' | 'optional' | 'abstract';

/**
 * Reads a declarator.
 *
 * @param ownList makes the name of the function that a declaration declares; absent where the
 *   declarator is no declaration of a function of its own: a typedef, a parameter, a member
 */
export function readDeclarator(
  reader: Reader,
  naming: Naming,
  ownList: ((name: string) => FunctionName) | undefined,
): Declarator {
  const declarator = readInner(reader, naming, ownList);
  if (naming === 'named' && declarator.name === undefined) reader.fail('declarator', 'a name');
  declarator.attributes = readAttributes(reader);
  return declarator;
}

function readInner(
  reader: Reader,
  naming: Naming,
  ownList: ((name: string) => FunctionName) | undefined,
): Declarator {
  reader.enter();
  let pointers: Chunk[] | undefined;
  while (reader.token.text === '*' && reader.token.kind === 'punctuator') {
    pointers ??= [];
    pointers.push(readPointer(reader));
  }
  const declarator = readDirect(reader, naming, ownList);
  // The one that was read last is the nearest to the name.
  if (pointers !== undefined) declarator.chunks.push(...pointers.reverse());
  reader.leave();
  return declarator;
}

function readPointer(reader: Reader): Chunk {
  reader.take();
  let qualifiers = 0;
  let addressSpace: number | undefined;
  let atomic = false;
  let attributes: Attributes | undefined;
  for (;;) {
    const { text, word } = reader.token;
    if (word === 'qualifier') qualifiers |= QUALIFIERS.get(text) ?? 0;
    else if (word === 'segment') addressSpace = SEGMENTS.get(text);
    else if (word === 'atomic') atomic = true;
    else if (word !== 'attribute') break;
    if (word === 'attribute') attributes = readAttributes(reader, attributes);
    else reader.take();
  }
  return {
    kind: 'pointer',
    qualifiers,
    addressSpace: attributes?.addressSpace ?? addressSpace,
    atomic,
    attributes,
  };
}

function readDirect(
  reader: Reader,
  naming: Naming,
  ownList: ((name: string) => FunctionName) | undefined,
): Declarator {
  const { token } = reader;
  let declarator: Declarator;
  if (token.text === '(' && opensDeclarator(reader, naming)) {
    reader.take();
    const attributes = readAttributes(reader);
    declarator = readInner(reader, naming, ownList);
    const late = readAttributes(reader);
    for (const list of [attributes, late]) {
      if (list !== undefined) declarator.chunks.push({ kind: 'parentheses', attributes: list });
    }
    reader.expect(')', 'declarator');
  } else {
    const isName = token.kind === 'word' && naming !== 'abstract' && token.word === undefined;
    if (isName) reader.take();
    declarator = {
      name: isName ? token.text : undefined,
      offset: token.offset,
      chunks: [],
      attributes: undefined,
      identifiers: undefined,
      parameterScope: undefined,
    };
  }
  readSuffixes(reader, declarator, ownList);
  return declarator;
}

/**
 * Whether a parenthesis groups a declarator, or opens the parameters of a function without a name.
 * After attributes, a type or `)` means parameters. C17 6.7.6.3, paragraph 11.
 */
function opensDeclarator(reader: Reader, naming: Naming): boolean {
  if (naming === 'named') return true;
  let ahead = 1;
  while (reader.peek(ahead).word === 'attribute') {
    ahead += 1;
    if (reader.peek(ahead).text !== '(') continue;
    let depth = 0;
    do {
      const { text, kind } = reader.peek(ahead);
      if (kind === 'end') return false;
      if (text === '(') depth += 1;
      if (text === ')') depth -= 1;
      ahead += 1;
    } while (depth > 0);
  }
  const token = reader.peek(ahead);
  if (token.kind === 'punctuator')
    return token.text === '*' || token.text === '(' || token.text === '[';
  return naming === 'optional' && token.kind === 'word' && !beginsType(reader, token);
}

function readSuffixes(
  reader: Reader,
  declarator: Declarator,
  ownList: ((name: string) => FunctionName) | undefined,
): void {
  for (;;) {
    if (reader.token.kind !== 'punctuator') return;
    if (reader.token.text === '[') declarator.chunks.push(readBound(reader));
    else if (reader.token.text === '(') {
      const first = declarator.chunks.every(({ kind }) => kind === 'parentheses');
      const { name } = declarator;
      const isOwn = first && name !== undefined && ownList !== undefined;
      const owner = isOwn ? (): FunctionName => ownList(name) : undefined;
      readFunction(reader, declarator, new Scope(reader.scope, owner), first);
    } else return;
  }
}

function readBound(reader: Reader): Chunk {
  const start = reader.take();
  while (reader.token.word === 'qualifier' || reader.token.text === 'static') reader.take();
  if (reader.accept(']')) return { kind: 'array', bound: undefined };
  if (reader.token.text === '*' && reader.peek(1).text === ']') {
    reader.take();
    reader.take();
    return { kind: 'array', bound: 'variable' };
  }
  const bound = constantExpression(reader);
  reader.expect(']', 'array');
  if (bound !== undefined && bound < 0n) reader.reject('array: expected a bound from 0', start);
  return { kind: 'array', bound: bound ?? 'variable' };
}

function readFunction(reader: Reader, declarator: Declarator, scope: Scope, own: boolean): void {
  reader.take();
  const attributes: Attributes[] = [];
  if (own) declarator.parameterScope = scope;
  const { token } = reader;
  const identifier =
    token.kind === 'word' && !beginsType(reader, token) && token.text !== '_Static_assert';
  if (reader.accept(')')) {
    const parameters = reader.dialect.c23 ? [] : undefined;
    declarator.chunks.push({ kind: 'function', parameters, variadic: false, attributes });
  } else if (identifier && own) {
    declarator.identifiers = readIdentifiers(reader);
    declarator.chunks.push({
      kind: 'function',
      parameters: undefined,
      variadic: false,
      attributes,
    });
  } else {
    const list = parametersWithin(reader, scope);
    declarator.chunks.push({ kind: 'function', ...list, attributes });
  }
}

function readIdentifiers(reader: Reader): readonly string[] {
  const names: string[] = [];
  do {
    const token = reader.take();
    if (token.kind !== 'word' || beginsType(reader, token) || token.word !== undefined) {
      reader.fail('parameters', 'a type or a name', token);
    }
    if (names.length === 0 && reader.token.text !== ',' && reader.token.text !== ')') {
      reader.fail('parameter', 'a declared type', token);
    }
    names.push(token.text);
  } while (reader.accept(','));
  reader.expect(')', 'parameters');
  return names;
}

/** Reads parameters in a scope of their own, outside of the record around them. */
function parametersWithin(
  reader: Reader,
  scope: Scope,
): { parameters: readonly CType[]; variadic: boolean } {
  const { scope: outer, record } = reader;
  reader.scope = scope;
  reader.record = undefined;
  const list = readParameters(reader);
  reader.scope = outer;
  reader.record = record;
  return list;
}

function readParameters(reader: Reader): { parameters: readonly CType[]; variadic: boolean } {
  const parameters: CType[] = [];
  if (reader.token.text === '...') {
    // C23 and clang's overloadable functions: only an ellipsis.
    reader.take();
    reader.expect(')', 'parameters');
    return { parameters, variadic: true };
  }
  for (;;) {
    const start = reader.token;
    const specifiers = readSpecifiers(reader, 'parameter');
    const declarator = readDeclarator(reader, 'optional', undefined);
    const type = declaredType(reader, specifiers.type, specifiers.attributes, declarator);
    if (type === VOID && declarator.name === undefined) {
      if (parameters.length > 0 || !reader.accept(')'))
        reader.reject('void: expected to stand alone', start);
      return { parameters, variadic: false };
    }
    if (declarator.name !== undefined) {
      reader.scope.declare(declarator.name, { kind: 'object', type: decay(reader, type) });
    }
    parameters.push(adjustedParameter(reader, type, start.offset));
    if (reader.accept(')')) return { parameters, variadic: false };
    if (!reader.accept(',')) reader.fail('parameters', '"," or ")"');
    if (reader.accept('...')) {
      reader.expect(')', 'parameters');
      return { parameters, variadic: true };
    }
  }
}

/** An array parameter is a pointer, a function parameter too. C17 6.7.6.3, paragraphs 7 and 8. */
function decay(reader: Reader, type: CType): CType {
  if (type.kind === 'array') return reader.types.pointer(type.element);
  if (type.kind === 'function') return reader.types.pointer(type);
  return type;
}

/**
 * The type of a parameter in its function's type: decayed, without qualifiers of its own.
 *
 * @throws CSyntaxError where it is void
 */
export function adjustedParameter(reader: Reader, type: CType, offset: number): CType {
  const adjusted = unqualified(decay(reader, type));
  if (adjusted === VOID) reader.reject('parameter: expected a type other than void', { offset });
  return adjusted;
}

/** The type that a declarator declares, given that of the specifiers. */
export function declaredType(
  reader: Reader,
  base: CType,
  specifierAttributes: Attributes | undefined,
  declarator: Declarator,
): CType {
  const { chunks } = declarator;
  if (
    chunks.length === 0 &&
    specifierAttributes === undefined &&
    declarator.attributes === undefined
  ) {
    return base;
  }
  let type = base;
  for (const list of [specifierAttributes, declarator.attributes]) {
    if (hasFunctionPart(list)) type = toInnermost(reader, type, chunks, list);
  }
  for (let index = chunks.length - 1; index >= 0; index -= 1) {
    const chunk = chunks[index];
    if (chunk !== undefined) type = applyChunk(reader, type, chunk, chunks, index);
  }
  if (declarator.attributes !== undefined) type = applyToType(reader, type, declarator.attributes);
  return type;
}

/** Specifiers and the declarator's end speak of the function nearest to the name. */
function toInnermost(
  reader: Reader,
  type: CType,
  chunks: readonly Chunk[],
  attributes: Attributes,
): CType {
  const nearest = chunks.find((chunk) => chunk.kind === 'function');
  if (nearest === undefined) return applyToFunction(reader, type, attributes) ?? type;
  nearest.attributes.push(attributes);
  return type;
}

function applyChunk(
  reader: Reader,
  type: CType,
  chunk: Chunk,
  chunks: readonly Chunk[],
  index: number,
): CType {
  const { types } = reader;
  switch (chunk.kind) {
    case 'array':
      if (type.kind === 'function' || unqualified(type) === VOID) {
        reader.reject('array: expected elements of an object type');
      }
      return types.array(type, chunk.bound);
    case 'pointer': {
      let pointer: CType = types.pointer(type);
      if (chunk.atomic) pointer = types.atomic(pointer);
      pointer = types.qualified(pointer, chunk.qualifiers, chunk.addressSpace);
      return hasFunctionPart(chunk.attributes)
        ? applyInside(reader, pointer, chunk.attributes, chunks.slice(0, index))
        : pointer;
    }
    case 'parentheses':
      return hasFunctionPart(chunk.attributes)
        ? applyInside(reader, type, chunk.attributes, chunks.slice(0, index))
        : type;
    case 'function':
      return applyFunction(reader, type, chunk);
  }
}

/**
 * Attributes within a declarator: of the function that is there already, else of one nearer to the
 * name.
 */
function applyInside(
  reader: Reader,
  type: CType,
  attributes: Attributes,
  nearer: readonly Chunk[],
): CType {
  const applied = applyToFunction(reader, type, attributes);
  if (applied !== undefined) return applied;
  nearer.findLast((chunk) => chunk.kind === 'function')?.attributes.push(attributes);
  return type;
}

const NO_FLAGS: readonly [] = [];

function applyFunction(
  reader: Reader,
  returns: CType,
  chunk: Extract<Chunk, { kind: 'function' }>,
): CType {
  if (returns.kind === 'function' || returns.kind === 'array') {
    reader.reject(`function: expected a return type other than ${returns.kind}`);
  }
  const { parameters, variadic } = chunk;
  const plain = reader.types.func({
    returns: reader.dialect.returnQualifiers ? returns : unqualified(returns),
    parameters,
    variadic,
    convention: 'c',
    flags: NO_FLAGS,
    regparm: 0,
  });
  let type: CType = plain;
  for (const attributes of chunk.attributes)
    type = applyToFunction(reader, type, attributes) ?? type;
  return type;
}

/** Reads a type name, as casts and sizeof have it. C17 6.7.7. */
export function readTypeName(reader: Reader): CType {
  const { type, attributes } = readSpecifiers(reader, 'type');
  return declaredType(reader, type, attributes, readDeclarator(reader, 'abstract', undefined));
}
