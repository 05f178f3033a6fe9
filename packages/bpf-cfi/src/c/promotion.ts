// SPDX-License-Identifier: MIT
import { promoted } from './arithmetic.ts';
import { DOUBLE } from './builtins.ts';
import type { CType } from './type.ts';

/**
 * The default argument promotions, with which a parameter of a definition without a prototype
 * stands in the function's type. C17 6.5.2.2, paragraph 6. Atomics and _Float16 stay, as clang
 * leaves them.
 */
export function promotedParameter(type: CType): CType {
  if (type.kind === 'builtin' && (type.code === 'f' || type.code === 'Dh')) return DOUBLE;
  if (type.kind === 'builtin' && type.family === 'integer') return promoted(type);
  if (type.kind === 'tag' && type.tag === 'enum') return promoted(type);
  return type;
}
