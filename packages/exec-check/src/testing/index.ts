// SPDX-License-Identifier: MIT
export {
  execveatFlagsArbitrary,
  operationFor,
  stringArrayArbitrary,
  visiblePaths,
} from './operations.ts';
export { SMALL_WORLD } from './small-world.ts';
export {
  aclArbitrary,
  contentArbitrary,
  IDS,
  modeArbitrary,
  setupArbitrary,
  type GeneratorOptions,
} from './worlds.ts';
