// SPDX-License-Identifier: MIT
export { codec } from './codec.ts';
export { PAGE_SHIFT, PAGE_SIZE } from './constants.ts';
export * from './flags.ts';
export {
  CAPABILITIES,
  RESOURCES,
  type AccessOperation,
  type Capability,
  type ChangingOperation,
  type MappingOperation,
  type Operation,
  type OperationOf,
  type ProcessOperation,
  type Range,
  type Resource,
} from './operation.ts';
export type { Disaster, Outcome, SmapsVma, Totals } from './outcome.ts';
export {
  ABIS,
  TREE_GEOMETRIES,
  type Abi,
  type FileSpec,
  type Limit,
  type Overcommit,
  type Setup,
  type TreeGeometry,
  type VmaSpec,
} from './setup.ts';
export { formatVmFlags, parseVmFlags } from './vm-flags.ts';
