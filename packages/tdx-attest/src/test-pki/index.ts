// SPDX-License-Identifier: MIT
export type { IsoTime } from './der.ts';
export { TEST_QE_SIGNER, type TestIsvLevel, type TestTcbLevel } from './documents.ts';
export type { TestPlatform } from './pck-extension.ts';
export {
  createTestPki,
  TEST_COLLATERAL_WINDOW,
  TEST_MODULE_LEVELS,
  TEST_PLATFORM,
  TEST_TCB_LEVELS,
  type TestCollateralOptions,
  type TestMistake,
  type TestPki,
  type TestPkiOptions,
  type Window,
} from './test-pki.ts';
