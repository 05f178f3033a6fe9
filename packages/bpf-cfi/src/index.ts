// SPDX-License-Identifier: MIT
export {
  calledFunction,
  kcfiTypeId,
  kcfiTypeIds,
  memberTypeIds,
  namedTypeId,
  typeIdOf,
  type NamedTypeId,
  type TypeId,
  type TypeIdOptions,
} from './type-id/type-id.ts';
export { TranslationUnit } from './c/translation-unit.ts';
export { mangle, AnonymousNumbers } from './type-id/mangle.ts';
export { xxHash64, xxHash64Low } from './type-id/xxhash64.ts';
