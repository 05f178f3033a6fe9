// SPDX-License-Identifier: MIT

/**
 * `S_`, `S0_` .. `S9_`, `SA_` .. `SZ_`, `S10_` ...: base 36 of one less. Itanium C++ ABI, 5.1.10.
 */
export function substitutionName(index: number): string {
  return index === 0 ? 'S_' : `S${(index - 1).toString(36).toUpperCase()}_`;
}

/** So many are found faster by a map. */
const MANY = 32;

/** The components of one mangled name that a later one may refer to, by identity. */
export class Substitutions<Component> {
  readonly #components: Component[] = [];
  /** The same by component, once there are so many that looking through them takes longer. */
  #indices: Map<Component, number> | undefined = undefined;

  /** How a component that stood before is written; undefined where it did not. */
  find(component: Component): string | undefined {
    const index =
      this.#indices === undefined
        ? this.#components.indexOf(component)
        : (this.#indices.get(component) ?? -1);
    return index === -1 ? undefined : substitutionName(index);
  }

  add(component: Component): void {
    const index = this.#components.push(component) - 1;
    if (index < MANY) return;
    this.#indices ??= new Map(this.#components.map((one, at) => [one, at]));
    this.#indices.set(component, index);
  }
}
