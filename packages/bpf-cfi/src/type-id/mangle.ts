// SPDX-License-Identifier: MIT
import {
  CONST,
  RESTRICT,
  tagName,
  VOLATILE,
  type ArrayType,
  type BuiltinType,
  type CType,
  type FunctionType,
  type QualifiedType,
  type TagType,
  type VectorType,
} from '../c/type.ts';
import { Substitutions } from './substitutions.ts';

/*
 * C types as the Itanium C++ ABI spells them, 5.1.5, with what clang does for C. Mirrors
 * ItaniumMangleContextImpl::mangleCanonicalTypeName(), clang/lib/AST/ItaniumMangle.cpp, LLVM 19.
 */

/** What a compiler's options change in mangled names. */
export interface MangleOptions {
  /** -fsanitize-cfi-icall-experimental-normalize-integers: integers by width and sign. LLVM 19. */
  readonly normalizeIntegers: boolean;
  /** -funsigned-char, which a normalized plain char shows. */
  readonly unsignedChar: boolean;
  /** LLVM 16 spells __bf16 as a vendor type. */
  readonly bf16: 'DF16b' | 'u6__bf16';
}

/** The options of a kernel build with a recent clang. */
export const DEFAULT_MANGLING: MangleOptions = {
  normalizeIntegers: false,
  unsignedChar: false,
  bf16: 'DF16b',
};

/**
 * The numbers that a translation unit gives to records without linkage, in order of first mangling.
 */
export class AnonymousNumbers {
  readonly #numbers = new Map<TagType, number>();

  of(tag: TagType): number {
    const known = this.#numbers.get(tag);
    if (known !== undefined) return known;
    const number = this.#numbers.size;
    this.#numbers.set(tag, number);
    return number;
  }
}

/** A mangled type. */
export interface Mangled {
  readonly text: string;
  /** Why another file, or another compiler run, may give the same type another name. */
  readonly unstable: string | undefined;
}

/** The mangled name of a type, without `_ZTS`. */
export function mangle(
  type: CType,
  options: MangleOptions = DEFAULT_MANGLING,
  numbers: AnonymousNumbers = new AnonymousNumbers(),
): Mangled {
  const mangler = new Mangler(options, numbers);
  const text = mangler.type(type);
  return { text, unstable: mangler.unstable };
}

/** Identity of a substitution: a type, or the spelling of a normalized integer. */
type Component = CType | string;

class Mangler {
  readonly #options: MangleOptions;
  readonly #numbers: AnonymousNumbers;
  readonly #seen = new Substitutions<Component>();
  unstable: string | undefined = undefined;

  constructor(options: MangleOptions, numbers: AnonymousNumbers) {
    this.#options = options;
    this.#numbers = numbers;
  }

  type(type: CType): string {
    if (type.kind === 'builtin') return this.#builtin(type);
    const known = this.#seen.find(type);
    if (known !== undefined) return known;
    const text = this.#spell(type);
    this.#seen.add(type);
    return text;
  }

  #spell(type: Exclude<CType, BuiltinType>): string {
    switch (type.kind) {
      case 'tag':
        return this.#tag(type);
      case 'pointer':
        return `P${this.type(type.to)}`;
      case 'qualified':
        return this.#qualified(type);
      case 'array':
        return this.#array(type);
      case 'function':
        return this.#function(type);
      case 'vector':
        return this.#vector(type);
      case 'complex':
        return `C${this.type(type.element)}`;
      case 'bitint':
        return `D${type.signed ? 'B' : 'U'}${type.bits}_`;
      case 'atomic':
        return `U7_Atomic${this.type(type.type)}`;
    }
  }

  #builtin(type: BuiltinType): string {
    if (type.code === 'DF16b') return this.#options.bf16;
    if (!this.#options.normalizeIntegers || type.family !== 'integer') return type.code;
    const spelling = normalizedInteger(type, this.#options.unsignedChar);
    const known = this.#seen.find(spelling);
    if (known !== undefined) return known;
    this.#seen.add(spelling);
    return spelling;
  }

  /** The address space, then restrict, volatile, const: outermost first, all at once. */
  #qualified({ qualifiers, addressSpace, type }: QualifiedType): string {
    const space = addressSpace === undefined || addressSpace === 0 ? '' : `AS${addressSpace}`;
    const vendor = space === '' ? '' : `U${space.length}${space}`;
    return `${vendor}${qualifierLetters(qualifiers)}${this.type(type)}`;
  }

  #array({ element, bound }: ArrayType): string {
    const count = typeof bound === 'bigint' ? String(bound) : '';
    return `A${count}_${this.type(element)}`;
  }

  #vector({ element, count }: VectorType): string {
    return `Dv${count}_${this.type(element)}`;
  }

  #function({ returns, parameters, variadic, convention }: FunctionType): string {
    let text = `${CONVENTION_PREFIX[convention] ?? ''}F${this.type(returns)}`;
    if (parameters !== undefined) {
      if (parameters.length === 0 && !variadic) text += 'v';
      for (const parameter of parameters) text += this.type(parameter);
      if (variadic) text += 'z';
    }
    return `${text}E`;
  }

  #tag(tag: TagType): string {
    const name = tagName(tag);
    const { scope, parent } = tag;
    if (name === undefined && parent !== undefined) return this.#nested(tag, parent);
    const own = name === undefined ? this.#numbered(tag) : sourceName(name);
    if (scope.kind !== 'function' || name === undefined) return own;
    const { owner } = scope;
    this.unstable ??= `${tag.tag} ${name} is local to ${owner.name}()`;
    return `Z${owner.internal ? 'L' : ''}${sourceName(owner.name)}E${own}`;
  }

  /** An unnamed member record or enum: a name inside the record around it. */
  #nested(tag: TagType, parent: TagType): string {
    const { prefix, local } = this.#prefix(parent);
    const own = this.#isLinked(parent) ? 'Ut_' : this.#numbered(tag);
    return `${local}N${prefix}${own}E`;
  }

  #prefix(tag: TagType): { prefix: string; local: string } {
    const local = this.#localPrefix(tag);
    const known = this.#seen.find(tag);
    if (known !== undefined) return { prefix: known, local };
    const name = tagName(tag);
    let prefix: string;
    if (name !== undefined) prefix = sourceName(name);
    else if (tag.parent === undefined) prefix = this.#numbered(tag);
    else {
      const own = this.#isLinked(tag.parent) ? 'Ut_' : undefined;
      prefix = `${this.#prefix(tag.parent).prefix}${own ?? this.#numbered(tag)}`;
    }
    this.#seen.add(tag);
    return { prefix, local };
  }

  #localPrefix(tag: TagType): string {
    const outer = outermost(tag);
    if (outer.scope.kind !== 'function' || outer.name === undefined) return '';
    const { owner } = outer.scope;
    this.unstable ??= `${outer.tag} ${outer.name} is local to ${owner.name}()`;
    return `Z${owner.internal ? 'L' : ''}${sourceName(owner.name)}E`;
  }

  /** Whether the outermost record of a chain has a name that other files can use. */
  #isLinked(tag: TagType): boolean {
    const outer = outermost(tag);
    return tagName(outer) !== undefined && outer.scope.kind !== 'function';
  }

  #numbered(tag: TagType): string {
    this.unstable ??= `an unnamed ${tag.tag} is numbered in the order of code generation`;
    return sourceName(`$_${this.#numbers.of(tag)}`);
  }
}

function outermost(tag: TagType): TagType {
  let outer = tag;
  while (tagName(outer) === undefined && outer.parent !== undefined) outer = outer.parent;
  return outer;
}

function sourceName(name: string): string {
  return `${name.length}${name}`;
}

/** The calling conventions that print; the others are told apart and print nothing. */
const CONVENTION_PREFIX: Readonly<Partial<Record<FunctionType['convention'], string>>> = {
  ms_abi: 'U6ms_abi',
  swiftcall: 'U9swiftcall',
  swiftasynccall: 'U14swiftasynccall',
};

function qualifierLetters(qualifiers: number): string {
  const restrict = (qualifiers & RESTRICT) === 0 ? '' : 'r';
  const volatile = (qualifiers & VOLATILE) === 0 ? '' : 'V';
  return `${restrict}${volatile}${(qualifiers & CONST) === 0 ? '' : 'K'}`;
}

/** Only the width and the sign are left of an integer: `u3i32`. */
function normalizedInteger({ code, size, signed }: BuiltinType, unsignedChar: boolean): string {
  const isSigned = code === 'c' ? !unsignedChar : signed;
  return `u${sourceName(`${isSigned ? 'i' : 'u'}${8 * size}`)}`;
}
