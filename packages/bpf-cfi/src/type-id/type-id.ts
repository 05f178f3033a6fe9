// SPDX-License-Identifier: MIT
import type { Dialect } from '../c/reader.ts';
import { CSyntaxError } from '../c/syntax-error.ts';
import { TranslationUnit } from '../c/translation-unit.ts';
import { tagName, unqualified, type CType, type FunctionType, type TagType } from '../c/type.ts';
import type { Declared } from '../c/declarations.ts';
import { AnonymousNumbers, DEFAULT_MANGLING, mangle, type MangleOptions } from './mangle.ts';
import { xxHash64Low } from './xxhash64.ts';

/** How a kernel is built, as far as type ids depend on it. */
export interface TypeIdOptions extends Partial<Dialect>, Partial<MangleOptions> {
  /** Instead of the low half of xxHash64: for compilers that hash otherwise. */
  readonly hash?: (name: string) => number;
}

/** The kCFI type id of a function type. */
export interface TypeId {
  /** Unsigned, 32 bits: what the compiler writes in front of a function of the type. */
  readonly id: number;
  /** The mangled type, without `_ZTS` and suffix. */
  readonly mangled: string;
  /** Why the same type may have another id elsewhere; absent where it has one id for all. */
  readonly unstable?: string;
  /**
   * Whether a call through a pointer of the type is checked: clang does not without a prototype.
   */
  readonly checked: boolean;
}

/** What has a type id in a piece of C. */
export interface NamedTypeId extends TypeId {
  /** `tcp_congestion_ops.ssthresh` for a member. */
  readonly name: string;
  /** Whether the type is that of a function, or of what a pointer points to. */
  readonly kind: 'function' | 'pointer' | 'typedef' | 'member';
}

/**
 * Names of a type id's suffix: what clang puts behind a mangled name in which integers are
 * normalized.
 */
const NORMALIZED = '.normalized';

/**
 * The kCFI type id of a function type: the low half of the xxHash64 of its typeinfo name. Mirrors
 * CodeGenModule::CreateKCFITypeId(), clang/lib/CodeGen/CodeGenModule.cpp, LLVM 19.
 */
export function typeIdOf(
  type: FunctionType,
  options: TypeIdOptions = {},
  numbers: AnonymousNumbers = new AnonymousNumbers(),
): TypeId {
  const mangling = manglingOf(options);
  const { text, unstable } = mangle(type, mangling, numbers);
  const suffix = mangling.normalizeIntegers ? NORMALIZED : '';
  const id = (options.hash ?? xxHash64Low)(`_ZTS${text}${suffix}`);
  const checked = type.parameters !== undefined;
  return unstable === undefined
    ? { id, mangled: text, checked }
    : { id, mangled: text, unstable, checked };
}

const MANGLING = new WeakMap<TypeIdOptions, MangleOptions>();

/** The complete options; the same for the same object, since one serves many types. */
function manglingOf(options: TypeIdOptions): MangleOptions {
  const known = MANGLING.get(options);
  if (known !== undefined) return known;
  const made: MangleOptions = { ...DEFAULT_MANGLING, ...options };
  MANGLING.set(options, made);
  return made;
}

/**
 * The type ids of everything in C declarations that has one: functions, pointers to functions, and
 * the function-pointer members of structs that have a tag.
 *
 * @throws CSyntaxError with line and column where the source is no C
 * @example kcfiTypeIds('int f(int *);')[0]?.id // 0x3ad55aca
 */
export function kcfiTypeIds(source: string, options: TypeIdOptions = {}): readonly NamedTypeId[] {
  const unit = new TranslationUnit(dialectOf(options));
  const numbers = new AnonymousNumbers();
  const ids: NamedTypeId[] = [];
  for (const one of unit.declare(source)) {
    const id = idOfDeclared(one, options, numbers);
    if (id !== undefined) ids.push(id);
  }
  for (const tag of unit.tags) ids.push(...memberTypeIds(tag, options, numbers));
  return ids;
}

/**
 * The type id of the one function, or function type, that a piece of C declares last.
 *
 * @throws CSyntaxError where the source is no C or declares no function type
 * @example kcfiTypeId('void f(int *)').id // 0x7e0c52a5
 */
export function kcfiTypeId(source: string, options: TypeIdOptions = {}): NamedTypeId {
  const trimmed = source.trimEnd();
  const complete = trimmed.endsWith(';') || trimmed.endsWith('}') ? source : `${source};`;
  const unit = new TranslationUnit(dialectOf(options));
  const ids = unit.declare(complete).flatMap((one) => namedTypeId(one, options));
  const last = ids.at(-1);
  if (last === undefined) {
    throw new CSyntaxError(source, 0, 'declaration: expected one of a function, got none');
  }
  return last;
}

function dialectOf(options: TypeIdOptions): Partial<Dialect> {
  const { c23, unsignedChar, shortWchar, branchProtection, fileTags, returnQualifiers } = options;
  return {
    ...(c23 !== undefined && { c23 }),
    ...(unsignedChar !== undefined && { unsignedChar }),
    ...(shortWchar !== undefined && { shortWchar }),
    ...(branchProtection !== undefined && { branchProtection }),
    ...(fileTags !== undefined && { fileTags }),
    ...(returnQualifiers !== undefined && { returnQualifiers }),
  };
}

/**
 * The type id of a declaration; empty where its type is neither a function nor a pointer to one.
 */
export function namedTypeId(
  declared: Declared,
  options: TypeIdOptions = {},
  numbers: AnonymousNumbers = new AnonymousNumbers(),
): readonly NamedTypeId[] {
  const id = idOfDeclared(declared, options, numbers);
  return id === undefined ? [] : [id];
}

function idOfDeclared(
  { name, kind, type }: Declared,
  options: TypeIdOptions,
  numbers: AnonymousNumbers,
): NamedTypeId | undefined {
  const called = calledFunction(type);
  if (called === undefined) return undefined;
  const named = kind === 'object' ? 'pointer' : kind;
  return { name, kind: named, ...typeIdOf(called, options, numbers) };
}

/** The type ids of a record's function-pointer members, those of anonymous records included. */
export function memberTypeIds(
  record: TagType,
  options: TypeIdOptions = {},
  numbers: AnonymousNumbers = new AnonymousNumbers(),
): readonly NamedTypeId[] {
  const prefix = tagName(record) ?? '';
  return (record.members ?? []).flatMap((member): readonly NamedTypeId[] => {
    const type = unqualified(member.type);
    if (member.name === undefined) {
      const inner = type.kind === 'tag' ? memberTypeIds(type, options, numbers) : [];
      return inner.map((one) => ({ ...one, name: `${prefix}${one.name}` }));
    }
    const called = calledFunction(type);
    if (called === undefined) return [];
    const name = `${prefix}.${member.name}`;
    return [{ name, kind: 'member', ...typeIdOf(called, options, numbers) }];
  });
}

/** The function type that a value of a type is called as. */
export function calledFunction(type: CType): FunctionType | undefined {
  const plain = unqualified(type);
  if (plain.kind === 'function') return plain;
  if (plain.kind === 'atomic') return calledFunction(plain.type);
  if (plain.kind === 'array') return calledFunction(plain.element);
  if (plain.kind !== 'pointer') return undefined;
  const to = unqualified(plain.to);
  return to.kind === 'function' ? to : undefined;
}
