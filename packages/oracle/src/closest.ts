// SPDX-License-Identifier: MIT

/** How many names a person can take in at once. */
const MAX_SUGGESTIONS = 3;

/**
 * The names nearest to what a person typed, the nearest first: those that differ by few letters, or
 * of which it is a part.
 */
export function closestNames(typed: string, names: readonly string[]): readonly string[] {
  return names
    .map((name) => ({ name, distance: distanceOf(typed.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(typed.length, name.length) / 3)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ name }) => name);
}

/** `; did you mean x or y?`, or nothing where no name is near. */
export function suggestion(typed: string, names: readonly string[]): string {
  const closest = closestNames(typed, names);
  return closest.length === 0 ? '' : `; did you mean ${closest.join(' or ')}?`;
}

function distanceOf(typed: string, name: string): number {
  if (typed.length > 2 && name.includes(typed)) return 1;
  return editDistance(typed, name);
}

/** Letters to insert, delete or replace (Levenshtein 1966). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    let left = index + 1;
    let corner = index;
    const next = [left];
    for (let column = 1; column <= to.length; column += 1) {
      const above = row[column] ?? Infinity;
      const replaced = corner + (to[column - 1] === letter ? 0 : 1);
      left = Math.min(left + 1, above + 1, replaced);
      corner = above;
      next.push(left);
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
