// SPDX-License-Identifier: MIT

/**
 * Delta debugging: the smallest list this finds, by removing ever smaller pieces, for which `fails`
 * still holds. The result is 1-minimal: without any one of its items `fails` no longer holds.
 *
 * @param items a list for which `fails` holds; it is not asked again
 * @param fails deterministic; asked about 2n times in the good case, at most about n² times
 */
export async function ddmin<Item>(
  items: readonly Item[],
  fails: (candidate: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  let current = items;
  let size = Math.ceil(current.length / 2);
  while (current.length > 0 && size > 0) {
    const smaller = await withoutOnePiece(current, size, fails);
    if (smaller !== undefined) {
      current = smaller;
      // A removal can make an earlier item removable, so pieces of this size are tried afresh.
      size = Math.min(size, Math.ceil(current.length / 2));
    } else if (size === 1) {
      return current;
    } else {
      size = Math.ceil(size / 2);
    }
  }
  return current;
}

/**
 * Removes every piece of `size` items that can go, from the end: late items depend on early ones.
 */
async function withoutOnePiece<Item>(
  items: readonly Item[],
  size: number,
  fails: (candidate: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[] | undefined> {
  let current = items;
  for (let end = items.length; end > 0; end -= size) {
    const start = Math.max(0, end - size);
    const candidate = [...current.slice(0, start), ...current.slice(end)];
    if (await fails(candidate)) current = candidate;
  }
  return current.length < items.length ? current : undefined;
}
