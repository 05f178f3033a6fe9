// SPDX-License-Identifier: MIT
export {
  ARENA,
  ARENA_PAGES,
  draws,
  focuses,
  operationFor,
  swarms,
  type Draw,
  type Focus,
} from './operations.ts';
export { setups, smallProcess } from './processes.ts';
