// SPDX-License-Identifier: MIT
export { createMapleTree, type MapleTreeOptions } from './options.ts';
export { MapleTree, type CyclicAllocation, type Found, type SnapshotOptions } from './tree.ts';
export { Cursor, type CursorStatus } from './cursor.ts';
export { RETRY_ENTRY, ZERO_ENTRY } from './entry.ts';
export { EBUSY, EEXIST, EINVAL, ENOMEM, errnoName, type Errno } from './errno.ts';
export { GEOMETRIES, geometry, type Geometry, type GeometryName } from './geometry.ts';
export type { Key, KeyMode, KeyModeName } from './key.ts';
export type { NodeAllocator } from './reserve.ts';
export { RcuPin } from './rcu.ts';
export { DOCUMENTED, LINUX_6_12, type Rules } from './rules.ts';
export { STORE_TYPES, type Statistics, type StoreType } from './statistics.ts';
export type { DumpFormat, NodeDump } from './dump.ts';
export { loadDump, parseDump, type DumpedRange, type DumpedTree } from './parse-dump.ts';
export {
  createRangeMap,
  MapleTreeError,
  RangeMap,
  type KeyRange,
  type RangeEntry,
} from './range-map.ts';
export { InvariantError } from './validate.ts';
