// SPDX-License-Identifier: MIT

/*
 * Canonical C types, as clang's ASTContext has them: typedefs are gone, parameters are adjusted,
 * and within one table equal types are the same object. So identity is `===`, which is what the
 * substitutions of a mangled name ask for.
 */

/** A builtin arithmetic type, void, or nullptr_t. */
export interface BuiltinType {
  readonly kind: 'builtin';
  readonly serial: number;
  /** How the Itanium C++ ABI spells it, 5.1.5.2: `i`, `m`, `DF16_`. */
  readonly code: string;
  /** How C spells it. */
  readonly name: string;
  /** Bytes; 0 for void. */
  readonly size: number;
  /** What arithmetic makes of it. */
  readonly family: 'void' | 'integer' | 'floating' | 'nullptr';
  readonly signed: boolean;
  /** Conversion rank of an integer, C17 6.3.1.1; of a floating type, its order. */
  readonly rank: number;
}

export type TagKind = 'struct' | 'union' | 'enum';

/** Where a tag was first declared, which is part of its mangled name. */
export type TagScope =
  | { readonly kind: 'file' }
  /** The parameter list of a function's own declaration. */
  | { readonly kind: 'function'; readonly owner: FunctionName }
  /** Any other parameter list: the tag prints plainly, but is a type of its own. */
  | { readonly kind: 'list' };

/** A function whose name is part of the names of its local tags. */
export interface FunctionName {
  readonly name: string;
  /** Internal linkage, which any declaration of the function may give it. */
  internal: boolean;
}

/** A member of a struct or union. */
export interface Member {
  /** Absent where it is an anonymous record or an unnamed bit-field. */
  readonly name: string | undefined;
  readonly type: CType;
  /** Width of a bit-field. */
  readonly bits: number | undefined;
  /** Smallest alignment in bytes that an attribute asks for; 0 where none does. */
  readonly aligned: number;
  readonly packed: boolean;
}

/**
 * A struct, union or enum. The one type that changes: from its declaration to its definition, and
 * when a typedef names it.
 */
export interface TagType {
  readonly kind: 'tag';
  readonly serial: number;
  readonly tag: TagKind;
  readonly name: string | undefined;
  readonly scope: TagScope;
  /** The record whose member list an unnamed one was defined in. */
  readonly parent: TagType | undefined;
  /** What a typedef calls an unnamed one, if it names it directly. */
  typedefName: string | undefined;
  /** Of a struct or union with a body. */
  members: readonly Member[] | undefined;
  /** The compatible integer type of an enum with a body. */
  integer: BuiltinType | undefined;
  packed: boolean;
  aligned: number;
}

export interface PointerType {
  readonly kind: 'pointer';
  readonly serial: number;
  readonly to: CType;
}

export const CONST = 1;
export const VOLATILE = 2;
export const RESTRICT = 4;

/** Qualifiers at one level, all at once; `type` itself has none and is no array. */
export interface QualifiedType {
  readonly kind: 'qualified';
  readonly serial: number;
  /** Of CONST, VOLATILE, RESTRICT. */
  readonly qualifiers: number;
  /** `address_space(n)`; undefined where there is none. */
  readonly addressSpace: number | undefined;
  readonly type: CType;
}

export interface ArrayType {
  readonly kind: 'array';
  readonly serial: number;
  readonly element: CType;
  /** Elements; undefined for `[]`; `variable` where it is no constant, one type an occurrence. */
  readonly bound: bigint | 'variable' | undefined;
}

/**
 * Calling conventions that clang tells apart by type. `c` is the default, and sysv_abi on x86-64.
 */
export type Convention =
  | 'c'
  | 'ms_abi'
  | 'swiftcall'
  | 'swiftasynccall'
  | 'preserve_most'
  | 'preserve_all'
  | 'vectorcall'
  | 'regcall';

/** What is part of a function type and never printed. */
export type FunctionFlag = 'noreturn' | 'no_caller_saved_registers' | 'nocf_check';

export interface FunctionType {
  readonly kind: 'function';
  readonly serial: number;
  /** With its qualifiers: clang keeps them, unlike C17 6.7.6.3. */
  readonly returns: CType;
  /** Adjusted: decayed, without qualifiers. Undefined where there is no prototype. */
  readonly parameters: readonly CType[] | undefined;
  readonly variadic: boolean;
  readonly convention: Convention;
  readonly flags: readonly FunctionFlag[];
  /** `regparm(n)`; 0 where there is none. */
  readonly regparm: number;
}

export interface VectorType {
  readonly kind: 'vector';
  readonly serial: number;
  readonly element: CType;
  /** Elements, not bytes. */
  readonly count: number;
  /** ext_vector_type is another type than vector_size. */
  readonly extended: boolean;
}

export interface ComplexType {
  readonly kind: 'complex';
  readonly serial: number;
  readonly element: CType;
}

export interface BitIntType {
  readonly kind: 'bitint';
  readonly serial: number;
  readonly signed: boolean;
  readonly bits: number;
}

/** `_Atomic(T)`: a type of its own, not a qualifier, where types are told apart. */
export interface AtomicType {
  readonly kind: 'atomic';
  readonly serial: number;
  readonly type: CType;
}

export type CType =
  | BuiltinType
  | TagType
  | PointerType
  | QualifiedType
  | ArrayType
  | FunctionType
  | VectorType
  | ComplexType
  | BitIntType
  | AtomicType;

/** A type without its own qualifiers; those of what it points to stay. */
export function unqualified(type: CType): CType {
  return type.kind === 'qualified' ? type.type : type;
}

/** The name by which a tag is known: its own, or that of the typedef that names it. */
export function tagName(tag: TagType): string | undefined {
  return tag.name ?? tag.typedefName;
}
