// SPDX-License-Identifier: MIT
export { apply } from './apply.ts';
export { codec } from './codec.ts';
export { PAGE_SHIFT, PAGE_SIZE } from './constants.ts';
export * from './flags.ts';
export { INVARIANTS } from './invariants.ts';
export type { MmStep } from './call.ts';
export { mmModel } from './model.ts';
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
  formatMaps,
  nameOf,
  observe,
  parseMapsLine,
  perms,
  type Display,
  type MapsLine,
} from './proc-maps.ts';
export { layoutOf } from './layout.ts';
export type { Features } from './features.ts';
export { featuresOf, REVISIONS } from './revisions.ts';
export { RULES, type RuleName } from './rules.ts';
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
export { vmasOf, type State } from './state.ts';
export type { Machine, OpenFile } from './machine.ts';
export type { AllocationPlan } from './allocation.ts';
export type { Backing, Vma } from './vma.ts';
export * from './vm-flags.ts';
export { initial } from './world.ts';
export { VmaTree } from './vma-tree.ts';
