// SPDX-License-Identifier: MIT
import { formatVmFlags, vmasOf, VmaTree } from '@kernel-models/mm';

/** A tree of VMAs as data, for `explain`: what is mapped, by its first address. */
export function viewOf(instance: object): unknown {
  if (!(instance instanceof VmaTree)) return instance;
  return Object.fromEntries(
    vmasOf({ tree: instance }).map(({ start, end, flags, pgoff, anonVma }) => [
      `0x${start.toString(16)}`,
      `to 0x${end.toString(16)}, ${formatVmFlags(flags)}, pgoff 0x${pgoff.toString(16)}` +
        (anonVma === 0 ? '' : `, anon_vma ${anonVma}`),
    ]),
  );
}
