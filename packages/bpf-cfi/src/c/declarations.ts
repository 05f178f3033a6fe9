// SPDX-License-Identifier: MIT
import { readAttributes } from './attributes.ts';
import { INT } from './builtins.ts';
import { compositeType } from './composite.ts';
import { adjustedParameter, declaredType, readDeclarator, type Declarator } from './declarator.ts';
import { constantExpression } from './expression.ts';
import { promotedParameter } from './promotion.ts';
import type { Reader } from './reader.ts';
import { readSpecifiers, type Specifiers } from './specifiers.ts';
import type { CType, FunctionName, FunctionType } from './type.ts';

/** What a declaration at file scope gives a name to. */
export interface Declared {
  readonly name: string;
  readonly kind: 'function' | 'object' | 'typedef';
  /** The composite of all its declarations so far. */
  type: CType;
  /** Whether it has a body. */
  defined: boolean;
  /** Where the name first stands. */
  readonly offset: number;
}

/**
 * Reads declarations at file scope to the end of the source. C17 6.9.
 *
 * @param declared what earlier sources declared, to which this one's declarations are added
 * @returns what this source declares, each name once, in order
 * @throws CSyntaxError at the first thing that is no declaration
 */
export function readDeclarations(
  reader: Reader,
  declared: Map<string, Declared>,
): readonly Declared[] {
  const touched = new Set<Declared>();
  while (reader.token.kind !== 'end') {
    if (reader.accept(';')) continue;
    const { text } = reader.token;
    if (text === '_Static_assert' || text === 'static_assert') readAssertion(reader);
    else if (isAsm(text)) {
      reader.take();
      reader.skipGroup();
      reader.expect(';', 'asm');
    } else readDeclaration(reader, declared, touched);
  }
  return [...touched];
}

function isAsm(text: string): boolean {
  return text === 'asm' || text === '__asm__' || text === '__asm';
}

function readAssertion(reader: Reader): void {
  const start = reader.take();
  reader.expect('(', 'assertion');
  const value = constantExpression(reader);
  if (reader.accept(',') && reader.take().kind !== 'string') reader.fail('assertion', 'a message');
  reader.expect(')', 'assertion');
  reader.expect(';', 'assertion');
  if (value === undefined) reader.reject('assertion: expected a constant', start);
  if (value === 0n) reader.reject('assertion: does not hold', start);
}

function readDeclaration(
  reader: Reader,
  declared: Map<string, Declared>,
  touched: Set<Declared>,
): void {
  const specifiers = readSpecifiers(reader, 'declaration');
  if (reader.accept(';')) return;
  const ownList =
    specifiers.storage === 'typedef'
      ? undefined
      : (name: string): FunctionName => functionName(reader, name, specifiers.storage === 'static');
  for (let first = true; ; first = false) {
    const declarator = readDeclarator(reader, 'named', ownList);
    skipAsm(reader, declarator);
    const entry = declare(reader, declared, specifiers, declarator);
    touched.add(entry);
    if (specifiers.storage === 'static' && entry.kind === 'function') {
      functionName(reader, entry.name, true);
    }
    if (first && entry.kind === 'function' && beginsBody(reader, declarator)) {
      define(reader, entry, declarator);
      return;
    }
    if (reader.accept('=')) skipInitializer(reader);
    if (reader.accept(';')) return;
    reader.expect(',', 'declaration');
  }
}

function functionName(reader: Reader, name: string, internal: boolean): FunctionName {
  const known = reader.functions.get(name);
  if (known !== undefined) {
    known.internal ||= internal;
    return known;
  }
  const made = { name, internal };
  reader.functions.set(name, made);
  return made;
}

function skipAsm(reader: Reader, declarator: Declarator): void {
  if (!isAsm(reader.token.text)) return;
  reader.take();
  reader.skipGroup();
  declarator.attributes = readAttributes(reader, declarator.attributes);
}

function declare(
  reader: Reader,
  declared: Map<string, Declared>,
  specifiers: Specifiers,
  declarator: Declarator,
): Declared {
  const name = declarator.name ?? '';
  const { offset } = declarator;
  const type = declaredType(reader, specifiers.type, specifiers.attributes, declarator);
  if (specifiers.storage === 'typedef') {
    nameUnnamedTag(specifiers, declarator, name);
    reader.scope.declare(name, { kind: 'typedef', type });
    const entry: Declared = { name, kind: 'typedef', type, defined: false, offset };
    declared.set(name, entry);
    return entry;
  }
  const kind = type.kind === 'function' ? 'function' : 'object';
  const known = declared.get(name);
  if (known !== undefined && known.kind !== 'typedef') {
    const merged = compositeType(reader.types, known.type, type);
    if (merged === undefined) {
      reader.reject(`${name}: expected the type of its earlier declaration`, { offset });
    }
    known.type = merged;
    reader.scope.declare(name, { kind: 'object', type: merged });
    return known;
  }
  reader.scope.declare(name, { kind: 'object', type });
  const entry: Declared = { name, kind, type, defined: false, offset };
  declared.set(name, entry);
  return entry;
}

/** The first typedef of the unqualified type itself names an unnamed tag. C++ [dcl.typedef]. */
function nameUnnamedTag({ tag }: Specifiers, { chunks }: Declarator, name: string): void {
  const direct = chunks.every(({ kind }) => kind === 'parentheses');
  if (tag === undefined || tag.name !== undefined || !direct) return;
  tag.typedefName ??= name;
}

function beginsBody(reader: Reader, { identifiers }: Declarator): boolean {
  return reader.token.text === '{' || (identifiers !== undefined && reader.token.kind === 'word');
}

function define(reader: Reader, entry: Declared, declarator: Declarator): void {
  const { type } = entry;
  if (type.kind !== 'function') reader.reject(`${entry.name}: expected a function before a body`);
  if (entry.defined) reader.reject(`${entry.name}: expected one definition`, declarator);
  if (declarator.identifiers !== undefined) {
    entry.type = oldStyleType(reader, type, declarator.identifiers, declarator.offset);
    reader.scope.declare(entry.name, { kind: 'object', type: entry.type });
  }
  entry.defined = true;
  if (reader.token.text !== '{') reader.fail('definition', 'a body');
  reader.skipGroup();
}

/** The type of a K&R definition: its parameters promoted; those without a declaration are int. */
function oldStyleType(
  reader: Reader,
  type: FunctionType,
  identifiers: readonly string[],
  offset: number,
): FunctionType {
  const declared = new Map<string, CType>();
  while (reader.token.text !== '{') {
    const specifiers = readSpecifiers(reader, 'parameter');
    do {
      const declarator = readDeclarator(reader, 'named', undefined);
      const name = declarator.name ?? '';
      if (!identifiers.includes(name)) {
        reader.reject(
          `${name}: expected one of the parameters ${identifiers.join(', ')}`,
          declarator,
        );
      }
      declared.set(name, declaredType(reader, specifiers.type, specifiers.attributes, declarator));
    } while (reader.accept(','));
    reader.expect(';', 'parameter');
  }
  const promotedTypes = identifiers.map((name) =>
    promotedParameter(adjustedParameter(reader, declared.get(name) ?? INT, offset)),
  );
  // An earlier prototype decides; without one, the definition does, although it gives none.
  return reader.types.func({ ...type, parameters: type.parameters ?? promotedTypes });
}

function skipInitializer(reader: Reader): void {
  for (;;) {
    const { text, kind } = reader.token;
    if (kind === 'end' || (kind === 'punctuator' && (text === ',' || text === ';'))) return;
    if (kind === 'punctuator' && (text === '(' || text === '[' || text === '{')) reader.skipGroup();
    else reader.take();
  }
}
