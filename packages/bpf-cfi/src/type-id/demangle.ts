// SPDX-License-Identifier: MIT
import { substitutionName } from './substitutions.ts';

/*
 * Mangled C types taken apart: what stands in them, with every substitution put back. Itanium C++
 * ABI,
 * 5.1.5, as far as clang uses it for C.
 */

/**
 * A mangled type as a tree. Two types are the same to a checked call where their trees are equal.
 */
export type TypeTree =
  /** A builtin type by its code, a normalized integer, or the ellipsis `z`. */
  | { readonly kind: 'builtin'; readonly code: string }
  /**
   * A tag, or an unnamed member of one: the names from the outside inwards; `within` a function.
   */
  | { readonly kind: 'name'; readonly parts: readonly string[]; readonly within: string | null }
  | { readonly kind: 'pointer'; readonly to: TypeTree }
  | { readonly kind: 'qualified'; readonly qualifiers: string; readonly type: TypeTree }
  /** `vendor` is an address space, a calling convention or `_Atomic`. */
  | { readonly kind: 'vendor'; readonly vendor: string; readonly type: TypeTree }
  | { readonly kind: 'array'; readonly bound: string; readonly element: TypeTree }
  | { readonly kind: 'vector'; readonly count: string; readonly element: TypeTree }
  | { readonly kind: 'complex'; readonly element: TypeTree }
  /** `parameters` is null without a prototype; `void` alone is an empty list. */
  | {
      readonly kind: 'function';
      readonly returns: TypeTree;
      readonly parameters: readonly TypeTree[] | null;
    };

/**
 * Takes a mangled type apart.
 *
 * @param mangled without `_ZTS`
 * @throws RangeError where it is none that clang makes of C, naming where
 */
export function demangle(mangled: string): TypeTree {
  const demangler = new Demangler(mangled);
  const tree = demangler.type();
  demangler.end();
  return tree;
}

class Demangler {
  readonly #text: string;
  #at = 0;
  readonly #seen: TypeTree[] = [];
  readonly #names = new Map<string, TypeTree>();

  constructor(text: string) {
    this.#text = text;
  }

  end(): void {
    if (this.#at !== this.#text.length) this.#fail('the end');
  }

  #fail(expected: string): never {
    const got = JSON.stringify(this.#text.slice(this.#at, this.#at + 12));
    throw new RangeError(`mangled type, column ${this.#at + 1}: expected ${expected}, got ${got}`);
  }

  /** Takes what a pattern finds here; undefined where it finds nothing. */
  #match(pattern: RegExp): string | undefined {
    const sticky = new RegExp(pattern.source, 'y');
    sticky.lastIndex = this.#at;
    const found = sticky.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #remember(tree: TypeTree): TypeTree {
    this.#names.set(substitutionName(this.#seen.length), tree);
    this.#seen.push(tree);
    return tree;
  }

  type(): TypeTree {
    const substitution = this.#match(/S[0-9A-Z]*_/);
    if (substitution !== undefined) {
      const tree = this.#names.get(substitution);
      return tree ?? this.#fail('a substitution that stands before');
    }
    const normalized = this.#match(/u[1-9]\d*[iu]\d+/);
    if (normalized !== undefined) return this.#remember({ kind: 'builtin', code: normalized });
    const builtin = this.#match(/DF16_|DF16b|Dh|Dn|u6__bf16|[vbcahstijlmxynofdegz]/);
    if (builtin !== undefined) return { kind: 'builtin', code: builtin };
    return this.#remember(this.#compound());
  }

  #compound(): TypeTree {
    const bitInt = this.#match(/D[BU]\d+_/);
    if (bitInt !== undefined) return { kind: 'builtin', code: bitInt };
    const qualifiers = this.#match(/r?V?K?(?=.)/);
    if (qualifiers !== undefined && qualifiers !== '') {
      return { kind: 'qualified', qualifiers, type: this.type() };
    }
    switch (this.#text[this.#at]) {
      case 'P':
        this.#at += 1;
        return { kind: 'pointer', to: this.type() };
      case 'A':
        return this.#array();
      case 'C':
        this.#at += 1;
        return { kind: 'complex', element: this.type() };
      case 'D':
        return this.#vector();
      case 'F':
        return this.#function();
      case 'U':
        return this.#vendor();
      default:
        return this.#name();
    }
  }

  #array(): TypeTree {
    const bound = this.#match(/A\d*_/) ?? this.#fail('an array');
    return { kind: 'array', bound: bound.slice(1, -1), element: this.type() };
  }

  #vector(): TypeTree {
    const count = this.#match(/Dv\d+_/) ?? this.#fail('a vector');
    return { kind: 'vector', count: count.slice(2, -1), element: this.type() };
  }

  /**
   * A calling convention and its function are one component; an address space has qualifiers with
   * it.
   */
  #vendor(): TypeTree {
    this.#at += 1;
    const vendor = this.#sourceName();
    if (vendor.startsWith('AS')) {
      const qualifiers = this.#match(/r?V?K?(?=.)/) ?? '';
      const type = this.type();
      const inner: TypeTree = qualifiers === '' ? type : { kind: 'qualified', qualifiers, type };
      return { kind: 'vendor', vendor, type: inner };
    }
    const type = this.#text[this.#at] === 'F' ? this.#function() : this.type();
    return { kind: 'vendor', vendor, type };
  }

  #function(): TypeTree {
    this.#match(/F/);
    const returns = this.type();
    const list: TypeTree[] = [];
    while (this.#match(/E/) === undefined) {
      if (this.#at >= this.#text.length) this.#fail('E');
      list.push(this.type());
    }
    const [first] = list;
    const onlyVoid = list.length === 1 && first?.kind === 'builtin' && first.code === 'v';
    const parameters = list.length === 0 ? null : onlyVoid ? [] : list;
    return { kind: 'function', returns, parameters };
  }

  #sourceName(): string {
    const length = this.#match(/[1-9]\d*/) ?? this.#fail('a name with its length');
    const name = this.#text.slice(this.#at, this.#at + Number(length));
    if (name.length !== Number(length)) this.#fail(`a name of ${length} characters`);
    this.#at += name.length;
    return name;
  }

  #name(): TypeTree {
    const within = this.#match(/Z/) === undefined ? null : this.#encoding();
    if (this.#match(/N/) === undefined) {
      return { kind: 'name', parts: [this.#sourceName()], within };
    }
    return this.#nested(within);
  }

  #encoding(): string {
    const linkage = this.#match(/L/) ?? '';
    const name = `${linkage}${this.#sourceName()}`;
    if (this.#match(/E/) === undefined) this.#fail('E');
    return name;
  }

  /** Each prefix is a component of its own. */
  #nested(within: string | null): TypeTree {
    let tree: TypeTree | undefined;
    for (;;) {
      const known = tree === undefined ? this.#match(/S[0-9A-Z]*_/) : undefined;
      if (known !== undefined) {
        tree = this.#names.get(known) ?? this.#fail('a substitution that stands before');
        continue;
      }
      const own = this.#match(/Ut_/) ?? this.#sourceName();
      const parts: readonly string[] = tree?.kind === 'name' ? [...tree.parts, own] : [own];
      tree = { kind: 'name', parts, within };
      if (this.#match(/E/) !== undefined) return tree;
      this.#remember(tree);
    }
  }
}
