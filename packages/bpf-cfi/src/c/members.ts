// SPDX-License-Identifier: MIT
import { readAttributes } from './attributes.ts';
import { constantExpression } from './expression.ts';
import { declaredType, readDeclarator } from './declarator.ts';
import type { Reader } from './reader.ts';
import { readSpecifiers, type Specifiers } from './specifiers.ts';
import type { CType, Member } from './type.ts';

/** Reads the members of a struct or union, from behind its `{` to behind its `}`. C17 6.7.2.1. */
export function readMembers(reader: Reader): readonly Member[] {
  const members: Member[] = [];
  while (!reader.accept('}')) {
    if (reader.accept(';')) continue;
    if (reader.token.text === '_Static_assert') {
      reader.take();
      reader.skipGroup();
      reader.expect(';', 'assertion');
      continue;
    }
    if (reader.token.kind === 'end') reader.fail('members', '}');
    const specifiers = readSpecifiers(reader, 'member');
    if (reader.accept(';')) {
      const anonymous = anonymousMember(specifiers);
      if (anonymous !== undefined) members.push(anonymous);
      continue;
    }
    do members.push(readMember(reader, specifiers));
    while (reader.accept(','));
    reader.expect(';', 'member');
  }
  return members;
}

/** `struct { ... };` as a member; a tag declared in passing is none. */
function anonymousMember({ type, tag }: Specifiers): Member | undefined {
  if (tag === undefined || tag.name !== undefined || tag.tag === 'enum') return undefined;
  return { name: undefined, type, bits: undefined, aligned: 0, packed: false };
}

function readMember(reader: Reader, specifiers: Specifiers): Member {
  const start = reader.token;
  const isBitField = start.text === ':';
  const declarator = isBitField ? undefined : readDeclarator(reader, 'named', undefined);
  const type: CType =
    declarator === undefined
      ? specifiers.type
      : declaredType(reader, specifiers.type, specifiers.attributes, declarator);
  if (type.kind === 'function') reader.reject('member: expected an object type', start);
  let bits: number | undefined;
  if (reader.accept(':')) {
    const width = constantExpression(reader);
    if (width === undefined || width < 0n || width > 128n) {
      reader.reject('bit-field: expected a width from 0 to 128', start);
    }
    bits = Number(width);
  }
  const after = readAttributes(reader);
  const all = [specifiers.attributes, declarator?.attributes, after];
  return {
    name: declarator?.name,
    type,
    bits,
    aligned: Math.max(0, ...all.map((attributes) => attributes?.aligned ?? 0)),
    packed: all.some((attributes) => attributes?.packed === true),
  };
}
