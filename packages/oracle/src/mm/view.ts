// SPDX-License-Identifier: MIT
import { MapleTree } from '@kernel-models/maple-tree';
import { formatVmFlags, vmasOf, type VmaTree } from '@kernel-models/mm';

/** A tree of VMAs as data, for `explain`: what is mapped, by its first address. */
export function viewOf(instance: object): unknown {
  if (!isVmaTree(instance)) return instance;
  return Object.fromEntries(
    vmasOf({ tree: instance }).map(({ start, end, flags, pgoff, anonVma }) => [
      `0x${start.toString(16)}`,
      `to 0x${end.toString(16)}, ${formatVmFlags(flags)}, pgoff 0x${pgoff.toString(16)}` +
        (anonVma === 0 ? '' : `, anon_vma ${anonVma}`),
    ]),
  );
}

/** The only trees in a state of mm are those of its VMAs. */
function isVmaTree(instance: object): instance is VmaTree {
  return instance instanceof MapleTree;
}
