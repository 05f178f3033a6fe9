// SPDX-License-Identifier: MIT
import type { Storage } from './specifiers.ts';
import { CONST, RESTRICT, VOLATILE } from './type.ts';

/*
 * The words of C that mean something by themselves where declarations stand, with GNU C's spellings
 * and the annotations of the kernel's headers.
 */

/** What a word is in a declaration; a name is none of these. */
export type Word =
  | 'qualifier'
  | 'segment'
  | 'storage'
  | 'function'
  | 'arithmetic'
  | 'tag'
  | 'typeof'
  | 'atomic'
  | 'alignas'
  | 'predefined'
  | 'attribute';

/** Type qualifiers, by their bit. */
export const QUALIFIERS: ReadonlyMap<string, number> = new Map([
  ...['const', '__const', '__const__'].map((word) => [word, CONST] as const),
  ...['volatile', '__volatile', '__volatile__'].map((word) => [word, VOLATILE] as const),
  ...['restrict', '__restrict', '__restrict__'].map((word) => [word, RESTRICT] as const),
]);

/**
 * Segment-relative pointers. Clang language extensions, "Memory references to specified segments".
 */
export const SEGMENTS: ReadonlyMap<string, number> = new Map([
  ['__seg_gs', 256],
  ['__seg_fs', 257],
]);

/** Storage classes. */
export const STORAGE: ReadonlyMap<string, Storage> = new Map([
  ['typedef', 'typedef'],
  ['static', 'static'],
  ['extern', 'extern'],
  ...['auto', 'register', '_Thread_local', '__thread', 'thread_local', 'constexpr'].map(
    (word) => [word, 'other'] as const,
  ),
]);

/** Arithmetic words, by the letter that stands for each in the key of a combination. */
export const ARITHMETIC: ReadonlyMap<string, string> = new Map([
  ...['signed', '__signed', '__signed__'].map((word) => [word, 's'] as const),
  ['unsigned', 'u'],
  ['short', 'h'],
  ['long', 'l'],
  ['int', 'i'],
  ['char', 'c'],
  ['void', 'v'],
  ['_Bool', 'b'],
  ['float', 'f'],
  ['double', 'd'],
  ['__int128', 'o'],
  ['_Float16', 'H'],
  ['__fp16', 'P'],
  ['__bf16', 'B'],
  ['__float128', 'q'],
  ...['_Complex', '__complex', '__complex__'].map((word) => [word, 'C'] as const),
  ['_BitInt', 'N'],
]);

/** What each combination of arithmetic words, its letters sorted, means: a builtin type's code. */
export const COMBINATIONS: ReadonlyMap<string, string> = new Map(
  [
    ...['v:v', 'b:b', 'c:c', 'cs:a', 'cu:h'],
    ...['h:s', 'hi:s', 'hs:s', 'his:s', 'hu:t', 'hiu:t'],
    ...['i:i', 's:i', 'is:i', 'u:j', 'iu:j'],
    ...['l:l', 'il:l', 'ls:l', 'ils:l', 'lu:m', 'ilu:m'],
    ...['ll:x', 'ill:x', 'lls:x', 'ills:x', 'llu:y', 'illu:y'],
    ...['o:n', 'os:n', 'ou:o', 'f:f', 'd:d', 'dl:e'],
    ...['H:DF16_', 'P:Dh', 'B:DF16b', 'q:g'],
  ].map((row) => [row.slice(0, row.indexOf(':')), row.slice(row.indexOf(':') + 1)]),
);

/** Types that a compiler predefines, as typedefs or macros, by a builtin type's code. */
export const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['__int128_t', 'n'],
  ['__uint128_t', 'o'],
  ['__WCHAR_TYPE__', 'i'],
  ['__SIZE_TYPE__', 'm'],
  ...['PTRDIFF', 'INTPTR', 'INT64', 'INTMAX'].map((name) => [`__${name}_TYPE__`, 'l'] as const),
  ...['UINTPTR', 'UINT64', 'UINTMAX'].map((name) => [`__${name}_TYPE__`, 'm'] as const),
  ['__WINT_TYPE__', 'j'],
  ['__CHAR16_TYPE__', 't'],
  ['__CHAR32_TYPE__', 'j'],
  ['__INT8_TYPE__', 'a'],
  ['__INT16_TYPE__', 's'],
  ['__INT32_TYPE__', 'i'],
  ['__UINT8_TYPE__', 'h'],
  ['__UINT16_TYPE__', 't'],
  ['__UINT32_TYPE__', 'j'],
]);

/** Words that the kernel's headers define and that say nothing of a type. compiler_types.h. */
const ANNOTATIONS: readonly string[] = (
  '__user __kernel __rcu __percpu __iomem __bitwise __force __nocast __private __safe __must_check ' +
  '__maybe_unused __always_unused __used __weak __init __exit __initdata __ref __meminit __net_init ' +
  '__cold __hot __pure __malloc __visible __always_inline __read_mostly __ro_after_init ' +
  '__latent_entropy __nonstring __noscs __nocfi __bpf_kfunc __sched __cpuidle __refdata ' +
  'asmlinkage notrace noinline noinstr __deprecated'
).split(' ');

/** The same with an argument list, which is skipped. */
export const ANNOTATIONS_WITH_ARGUMENTS: ReadonlySet<string> = new Set(
  (
    '__printf __scanf __alloc_size __realloc_size __section __acquires __releases __must_hold ' +
    '__acquire __release __counted_by __counted_by_le __counted_by_be __nonnull __assume_aligned ' +
    '__no_sanitize __guarded_by __cond_acquires __strftime __format'
  ).split(' '),
);

/** Say something of a function and nothing of its type; _Noreturn is one of them. */
const FUNCTION_SPECIFIERS = 'inline __inline __inline__ _Noreturn __extension__'.split(' ');
const TYPEOF = 'typeof __typeof __typeof__ typeof_unqual'.split(' ');
const ATTRIBUTE_WORDS = '__attribute__ __attribute __noreturn __packed __aligned'.split(' ');

const table: readonly (readonly [Word, Iterable<string>])[] = [
  ['qualifier', QUALIFIERS.keys()],
  ['segment', SEGMENTS.keys()],
  ['storage', STORAGE.keys()],
  ['function', FUNCTION_SPECIFIERS],
  ['arithmetic', ARITHMETIC.keys()],
  ['tag', ['struct', 'union', 'enum']],
  ['typeof', TYPEOF],
  ['predefined', PREDEFINED.keys()],
  ['atomic', ['_Atomic']],
  ['alignas', ['_Alignas']],
  ['attribute', [...ATTRIBUTE_WORDS, ...ANNOTATIONS, ...ANNOTATIONS_WITH_ARGUMENTS]],
];

/** What each word is; one that is not here is a name. */
export const WORDS: ReadonlyMap<string, Word> = new Map(
  table.flatMap(([kind, words]) => [...words].map((word) => [word, kind] as const)),
);
