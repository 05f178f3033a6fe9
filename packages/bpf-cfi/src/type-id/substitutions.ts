// SPDX-License-Identifier: MIT

/** `S_`, `S0_` .. `S9_`, `SA_` .. `SZ_`, `S10_` ...: base 36 of one less. Itanium C++ ABI, 5.1.10. */
export function substitutionName(index: number): string {
  return index === 0 ? 'S_' : `S${(index - 1).toString(36).toUpperCase()}_`;
}

/** The components of one mangled name that a later one may refer to, by identity. */
export class Substitutions<Component> {
  readonly #indices = new Map<Component, number>();

  /** How a component that stood before is written; undefined where it did not. */
  find(component: Component): string | undefined {
    const index = this.#indices.get(component);
    return index === undefined ? undefined : substitutionName(index);
  }

  add(component: Component): void {
    this.#indices.set(component, this.#indices.size);
  }
}
