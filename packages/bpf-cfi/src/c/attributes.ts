// SPDX-License-Identifier: MIT
import { builtin, CHAR, INT } from './builtins.ts';
import { constantExpression } from './expression.ts';
import { layoutOf } from './layout.ts';
import type { Reader } from './reader.ts';
import { unqualified, type Convention, type CType, type FunctionFlag } from './type.ts';
import { ANNOTATIONS_WITH_ARGUMENTS } from './words.ts';

/** What the attributes at one place say about types. Those that say nothing leave no trace. */
export interface Attributes {
  convention: Convention | undefined;
  flags: FunctionFlag[];
  regparm: number;
  addressSpace: number | undefined;
  /** Bytes of vector_size. */
  vectorSize: number | undefined;
  /** Elements of ext_vector_type. */
  vectorElements: number | undefined;
  mode: string | undefined;
  packed: boolean;
  aligned: number;
}

/** No attributes yet. */
export function noAttributes(): Attributes {
  return {
    convention: undefined,
    flags: [],
    regparm: 0,
    addressSpace: undefined,
    vectorSize: undefined,
    vectorElements: undefined,
    mode: undefined,
    packed: false,
    aligned: 0,
  };
}

/** Two lists as one; where both speak of the same thing, the later wins. */
export function mergeAttributes(earlier: Attributes | undefined, later: Attributes): Attributes {
  if (earlier === undefined) return later;
  return {
    convention: later.convention ?? earlier.convention,
    flags: [...earlier.flags, ...later.flags],
    regparm: later.regparm === 0 ? earlier.regparm : later.regparm,
    addressSpace: later.addressSpace ?? earlier.addressSpace,
    vectorSize: later.vectorSize ?? earlier.vectorSize,
    vectorElements: later.vectorElements ?? earlier.vectorElements,
    mode: later.mode ?? earlier.mode,
    packed: earlier.packed || later.packed,
    aligned: Math.max(earlier.aligned, later.aligned),
  };
}

/**
 * Attributes that change no type. Clang Attribute Reference; the kernel's compiler_attributes.h.
 */
const TRANSPARENT: ReadonlySet<string> = new Set(
  (
    'access alias aligned_value alloc_align alloc_size always_inline annotate artificial ' +
    'assume_aligned availability btf_decl_tag btf_type_tag cdecl cfi_unchecked_callee cleanup cold ' +
    'common const constructor copy counted_by counted_by_or_null convergent deprecated designated_init ' +
    'destructor diagnose_as_builtin diagnose_if disable_sanitizer_instrumentation disable_tail_calls ' +
    'enable_if enum_extensibility error externally_visible ' +
    'fallthrough fd_arg flag_enum flatten format format_arg function_return gnu_inline hot ifunc ' +
    'indirect_branch interrupt leaf lifetimebound malloc may_alias minsize musttail naked ' +
    'no_address_safety_analysis no_icf no_instrument_function no_profile_instrument_function no_reorder ' +
    'no_sanitize no_sanitize_address no_sanitize_memory no_sanitize_thread no_sanitize_undefined ' +
    'no_speculative_load_hardening no_split_stack no_stack_limit no_stack_protector nocommon noclone ' +
    'nodebug noderef noduplicate noescape noinit noinline noipa nomerge nonnull ' +
    'nonstring noplt nothrow nouwtable optimize optnone overloadable ownership_returns ' +
    'patchable_function_entry pass_dynamic_object_size pass_object_size preferred_type ' +
    'preserve_access_index pure randomize_layout no_randomize_layout retain returns_nonnull ' +
    'returns_twice section sentinel sized_by stack_protect stdcall fastcall thiscall ' +
    'speculative_load_hardening suppress swift_name symver target target_clones thread ' +
    'tls_model transparent_union unavailable uninitialized unsequenced unused used visibility ' +
    'warn_unused_result warning weak weakref zero_call_used_regs'
  ).split(' '),
);

/** Attributes that are part of a function type. sysv_abi is what x86-64 Linux does anyway. */
const CONVENTIONS: ReadonlyMap<string, Convention> = new Map([
  ['sysv_abi', 'c'],
  ['ms_abi', 'ms_abi'],
  ['swiftcall', 'swiftcall'],
  ['swiftasynccall', 'swiftasynccall'],
  ['preserve_most', 'preserve_most'],
  ['preserve_all', 'preserve_all'],
  ['vectorcall', 'vectorcall'],
  ['regcall', 'regcall'],
]);
const FLAGS: ReadonlyMap<string, FunctionFlag> = new Map([
  ['noreturn', 'noreturn'],
  ['no_caller_saved_registers', 'no_caller_saved_registers'],
  ['nocf_check', 'nocf_check'],
]);

/**
 * Reads all attributes at this place into `attributes`, or into a new list; undefined where none
 * is.
 */
export function readAttributes(reader: Reader, attributes?: Attributes): Attributes | undefined {
  let list = attributes;
  while (reader.token.word === 'attribute') {
    list ??= noAttributes();
    readOne(reader, list);
  }
  return list;
}

function readOne(reader: Reader, list: Attributes): void {
  const { text } = reader.take();
  if (text === '__noreturn') list.flags.push('noreturn');
  else if (text === '__packed') list.packed = true;
  else if (text === '__aligned') list.aligned = Math.max(list.aligned, numberArgument(reader));
  else if (ANNOTATIONS_WITH_ARGUMENTS.has(text)) {
    if (reader.token.text === '(') reader.skipGroup();
  } else if (text === '__attribute__' || text === '__attribute') {
    reader.expect('(', 'attribute');
    reader.expect('(', 'attribute');
    while (!reader.accept(')')) {
      if (!reader.accept(',')) readSpecification(reader, list);
    }
    reader.expect(')', 'attribute');
  }
}

function readSpecification(reader: Reader, list: Attributes): void {
  const token = reader.take();
  if (token.kind !== 'word') reader.fail('attribute', 'a name', token);
  const name = token.text.replace(/^__(.*)__$/, '$1');
  const convention = CONVENTIONS.get(name);
  const flag = FLAGS.get(name);
  if (convention !== undefined) list.convention = convention;
  else if (flag === 'nocf_check' && !reader.dialect.branchProtection) return;
  else if (flag !== undefined) list.flags.push(flag);
  else if (name === 'regparm') list.regparm = numberArgument(reader);
  else if (name === 'address_space') list.addressSpace = numberArgument(reader);
  else if (name === 'vector_size') list.vectorSize = numberArgument(reader);
  else if (name === 'ext_vector_type') list.vectorElements = numberArgument(reader);
  else if (name === 'packed') list.packed = true;
  else if (name === 'aligned') {
    const bytes = reader.token.text === '(' ? numberArgument(reader) : BIGGEST_ALIGNMENT;
    list.aligned = Math.max(list.aligned, bytes);
  } else if (name === 'mode') list.mode = modeArgument(reader);
  else if (TRANSPARENT.has(name)) {
    if (reader.token.text === '(') reader.skipGroup();
  } else reader.reject(`attribute: expected one that is known, got ${JSON.stringify(name)}`, token);
}

/** What `aligned` without a number means on x86-64: __BIGGEST_ALIGNMENT__. */
const BIGGEST_ALIGNMENT = 16;

function numberArgument(reader: Reader): number {
  reader.expect('(', 'attribute');
  const start = reader.token;
  const value = constantExpression(reader);
  reader.expect(')', 'attribute');
  if (value === undefined || value < 0n || value > 0xffff_ffffn) {
    reader.reject('attribute: expected a constant from 0 to 4294967295', start);
  }
  return Number(value);
}

function modeArgument(reader: Reader): string {
  reader.expect('(', 'mode');
  const token = reader.take();
  reader.expect(')', 'mode');
  const mode = token.text.replace(/^__(.*)__$/, '$1');
  if (!MODES.has(mode)) {
    reader.fail('mode', `one of ${[...MODES.keys()].join(', ')}`, token);
  }
  return mode;
}

/**
 * Machine modes: the signed and the unsigned type, or the floating one, or the part of a complex.
 */
const MODES: ReadonlyMap<string, { integer?: readonly [string, string]; part?: string }> = new Map([
  ['QI', { integer: ['a', 'h'] }],
  ['byte', { integer: ['a', 'h'] }],
  ['HI', { integer: ['s', 't'] }],
  ['SI', { integer: ['i', 'j'] }],
  ['DI', { integer: ['l', 'm'] }],
  ['word', { integer: ['l', 'm'] }],
  ['pointer', { integer: ['l', 'm'] }],
  ['unwind_word', { integer: ['l', 'm'] }],
  ['TI', { integer: ['n', 'o'] }],
  ['HF', { part: 'Dh' }],
  ['SF', { part: 'f' }],
  ['DF', { part: 'd' }],
  ['XF', { part: 'e' }],
  ['TF', { part: 'g' }],
  ['SC', { part: 'f' }],
  ['DC', { part: 'd' }],
  ['XC', { part: 'e' }],
  ['TC', { part: 'g' }],
]);

/** mode() replaces the type and keeps its signedness. GCC manual, common variable attributes. */
export function applyMode(reader: Reader, type: CType, mode: string): CType {
  const plain = unqualified(type);
  const { integer, part } = MODES.get(mode) ?? {};
  let replaced: CType;
  if (part !== undefined) {
    replaced = mode.endsWith('C') ? reader.types.complex(builtin(part)) : builtin(part);
  } else if (integer !== undefined) {
    const base = plain.kind === 'tag' ? (plain.integer ?? INT) : plain;
    const unsignedChar = reader.dialect.unsignedChar && base === CHAR;
    const signed = base.kind !== 'builtin' || (base.signed && !unsignedChar);
    replaced = builtin(integer[signed ? 0 : 1]);
  } else reader.reject(`mode: expected a known one, got ${mode}`);
  if (type.kind !== 'qualified') return replaced;
  return reader.types.qualified(replaced, type.qualifiers, type.addressSpace);
}

/** What attributes in specifiers, or at a declarator's end, make of the type that they stand by. */
export function applyToType(reader: Reader, type: CType, attributes: Attributes): CType {
  let result = type;
  if (attributes.mode !== undefined) result = applyMode(reader, result, attributes.mode);
  if (attributes.vectorSize !== undefined) {
    const element = unqualified(result);
    const size = layoutOf(element)?.size ?? 0;
    const count = attributes.vectorSize / size;
    if (!isVectorElement(element) || !Number.isSafeInteger(count) || count === 0) {
      reader.reject('vector_size: expected a multiple of the size of an arithmetic type');
    }
    result = reader.types.vector(element, count, false);
  }
  if (attributes.vectorElements !== undefined) {
    if (!isVectorElement(unqualified(result)) || attributes.vectorElements === 0) {
      reader.reject('ext_vector_type: expected an arithmetic type and a count from 1');
    }
    result = reader.types.vector(unqualified(result), attributes.vectorElements, true);
  }
  if (attributes.addressSpace !== undefined) {
    result = reader.types.qualified(result, 0, attributes.addressSpace);
  }
  return result;
}

function isVectorElement(type: CType): boolean {
  return type.kind === 'builtin' && (type.family === 'integer' || type.family === 'floating');
}

/** Whether there is something that belongs to a function type. */
export function hasFunctionPart(attributes: Attributes | undefined): attributes is Attributes {
  if (attributes === undefined) return false;
  const { convention, flags, regparm } = attributes;
  return convention !== undefined || flags.length > 0 || regparm !== 0;
}

/**
 * Gives the nearest function type under pointers and arrays what belongs to it.
 *
 * @returns undefined where there is no function type
 */
export function applyToFunction(
  reader: Reader,
  type: CType,
  attributes: Attributes,
): CType | undefined {
  const { types } = reader;
  switch (type.kind) {
    case 'function': {
      const flags = [...new Set([...type.flags, ...attributes.flags])].sort();
      return types.func({
        ...type,
        convention: attributes.convention ?? type.convention,
        regparm: attributes.regparm === 0 ? type.regparm : attributes.regparm,
        flags,
      });
    }
    case 'pointer': {
      const to = applyToFunction(reader, type.to, attributes);
      return to && types.pointer(to);
    }
    case 'array': {
      const element = applyToFunction(reader, type.element, attributes);
      return element && types.array(element, type.bound);
    }
    case 'qualified': {
      const inner = applyToFunction(reader, type.type, attributes);
      return inner && types.qualified(inner, type.qualifiers, type.addressSpace);
    }
    default:
      return undefined;
  }
}
