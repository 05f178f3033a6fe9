// SPDX-License-Identifier: MIT
import type { CType, Member, TagType } from './type.ts';

/*
 * Sizes and offsets of the x86-64 psABI: System V ABI, AMD64 Architecture Processor Supplement,
 * 3.1.2, with GCC's packed and aligned.
 */

/** Bytes that a type takes, and the multiple that its addresses are. */
export interface Layout {
  readonly size: number;
  readonly align: number;
}

/** The layout of a type; undefined where it has none: incomplete, variable, or a function. */
export function layoutOf(type: CType): Layout | undefined {
  switch (type.kind) {
    case 'builtin':
      // GNU C: sizeof(void) is 1, as is that of a function.
      return type.size === 0 ? { size: 1, align: 1 } : { size: type.size, align: type.size };
    case 'pointer':
      return { size: 8, align: 8 };
    case 'qualified':
      return layoutOf(type.type);
    case 'atomic':
      return atomicLayout(type.type);
    case 'function':
      return { size: 1, align: 4 };
    case 'bitint':
      return bitIntLayout(type.bits);
    case 'complex': {
      const part = layoutOf(type.element);
      return part && { size: 2 * part.size, align: part.align };
    }
    case 'vector':
      return vectorLayout(type.element, type.count);
    case 'array': {
      const element = layoutOf(type.element);
      if (element === undefined || typeof type.bound !== 'bigint') return undefined;
      return { size: element.size * Number(type.bound), align: element.align };
    }
    case 'tag':
      return tagLayout(type);
  }
}

/** An atomic of a size that one instruction reads is aligned to that size. */
function atomicLayout(type: CType): Layout | undefined {
  const plain = layoutOf(type);
  if (plain === undefined || plain.size === 0 || plain.size > 16) return plain;
  const size = 2 ** Math.ceil(Math.log2(plain.size));
  return { size, align: Math.max(size, plain.align) };
}

function bitIntLayout(bits: number): Layout {
  if (bits > 64) return { size: 8 * Math.ceil(bits / 64), align: 8 };
  const size = 2 ** Math.ceil(Math.log2(Math.ceil(bits / 8)));
  return { size, align: size };
}

function vectorLayout(element: CType, count: number): Layout | undefined {
  const one = layoutOf(element);
  if (one === undefined) return undefined;
  const size = 2 ** Math.ceil(Math.log2(one.size * count));
  return { size, align: size };
}

function tagLayout(tag: TagType): Layout | undefined {
  if (tag.tag === 'enum') {
    return tag.integer && { size: tag.integer.size, align: tag.integer.size };
  }
  if (tag.members === undefined) return undefined;
  const placed = placeMembers(tag);
  return placed && { size: placed.size, align: placed.align };
}

interface Placed extends Layout {
  /** First bit of each member. */
  readonly bits: readonly number[];
}

function placeMembers(tag: TagType): Placed | undefined {
  let end = 0;
  let align = Math.max(1, tag.aligned);
  let size = 0;
  const bits: number[] = [];
  for (const member of tag.members ?? []) {
    const placed = placeMember(tag, member, tag.tag === 'union' ? 0 : end);
    if (placed === undefined) return undefined;
    bits.push(placed.start);
    end = placed.end;
    size = Math.max(size, end);
    align = Math.max(align, placed.align);
  }
  return { size: roundUp(Math.ceil(size / 8), align), align, bits };
}

interface PlacedMember {
  readonly start: number;
  readonly end: number;
  readonly align: number;
}

function placeMember(tag: TagType, member: Member, from: number): PlacedMember | undefined {
  const flexible = member.type.kind === 'array' && member.type.bound === undefined;
  const natural = flexible ? withoutSize(layoutOf(member.type.element)) : layoutOf(member.type);
  if (natural === undefined) return undefined;
  const packed = tag.packed || member.packed;
  const align = Math.max(packed ? 1 : natural.align, member.aligned);
  if (member.bits === undefined) {
    const start = roundUp(from, 8 * align);
    return { start, end: start + 8 * natural.size, align };
  }
  if (member.bits === 0) {
    const start = roundUp(from, 8 * Math.max(natural.align, member.aligned));
    return { start, end: start, align: 1 };
  }
  let start = member.aligned > 0 ? roundUp(from, 8 * member.aligned) : from;
  const unit = 8 * natural.size;
  if (!packed && Math.floor(start / unit) !== Math.floor((start + member.bits - 1) / unit)) {
    start = roundUp(start, 8 * natural.align);
  }
  return { start, end: start + member.bits, align: member.name === undefined ? 1 : align };
}

function withoutSize(layout: Layout | undefined): Layout | undefined {
  return layout && { size: 0, align: layout.align };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** A member that a name leads to, also through anonymous records. */
export interface FoundMember {
  readonly member: Member;
  /** Bytes from the record's beginning; of a bit-field, those of its first bit. */
  readonly offset: number | undefined;
}

/** Looks a member up; undefined where the record has none of the name. */
export function findMember(record: TagType, name: string): FoundMember | undefined {
  const placed = placeMembers(record);
  for (const [index, member] of (record.members ?? []).entries()) {
    const bit = placed?.bits[index];
    const offset = bit === undefined ? undefined : Math.floor(bit / 8);
    if (member.name === name) return { member, offset };
    const inner = member.type.kind === 'qualified' ? member.type.type : member.type;
    if (member.name !== undefined || inner.kind !== 'tag') continue;
    const found = findMember(inner, name);
    if (found === undefined) continue;
    const sum =
      offset === undefined || found.offset === undefined ? undefined : offset + found.offset;
    return { member: found.member, offset: sum };
  }
  return undefined;
}
