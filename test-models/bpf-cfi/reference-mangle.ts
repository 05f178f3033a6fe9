// SPDX-License-Identifier: MIT
import type { TypeSpec, TypeTree } from '@kernel-models/bpf-cfi';

/*
 * A naive reference: from a type's description to its tree and to its mangled name, straight by the
 * Itanium C++ ABI, 5.1.5 and 5.1.10. No parser, no interning: types are equal where their trees
 * print the same. It shares nothing with the package but types.
 */

const CODES: Readonly<Record<string, string>> = {
  ...{ void: 'v', int: 'i', 'unsigned int': 'j', char: 'c', 'signed char': 'a' },
  ...{ 'unsigned char': 'h', short: 's', 'unsigned short': 't', long: 'l', 'unsigned long': 'm' },
  ...{ 'long long': 'x', 'unsigned long long': 'y', _Bool: 'b', float: 'f', double: 'd' },
  ...{ 'long double': 'e', __int128: 'n', 'unsigned __int128': 'o', _Float16: 'DF16_' },
  ...{ __bf16: 'DF16b', __float128: 'g', '_BitInt(7)': 'DB7_', 'unsigned _BitInt(33)': 'DU33_' },
};

const ELEMENT_SIZE: Readonly<Record<string, number>> = {
  ...{ int: 4, 'unsigned char': 1, float: 4, double: 8 },
};

/** The tree of a type that C writes so. */
export function referenceTree(spec: TypeSpec): TypeTree {
  switch (spec.kind) {
    case 'builtin': {
      const complex = /^(.*) _Complex$/.exec(spec.name);
      if (complex?.[1] !== undefined) {
        return { kind: 'complex', element: { kind: 'builtin', code: CODES[complex[1]] ?? '?' } };
      }
      return { kind: 'builtin', code: CODES[spec.name] ?? '?' };
    }
    case 'tag':
    case 'typedef':
      return { kind: 'name', parts: [spec.name], within: null };
    case 'pointer':
      return { kind: 'pointer', to: referenceTree(spec.to) };
    case 'qualified':
      return qualify(spec.qualifiers, referenceTree(spec.type));
    case 'array':
      return {
        kind: 'array',
        bound: spec.bound === null ? '' : String(spec.bound),
        element: referenceTree(spec.element),
      };
    case 'vector': {
      const size = spec.element.kind === 'builtin' ? (ELEMENT_SIZE[spec.element.name] ?? 1) : 1;
      return {
        kind: 'vector',
        count: String(spec.bytes / size),
        element: referenceTree(spec.element),
      };
    }
    case 'atomic':
      return { kind: 'vendor', vendor: '_Atomic', type: referenceTree(spec.type) };
    case 'function':
      return {
        kind: 'function',
        returns: referenceTree(spec.returns),
        parameters:
          spec.parameters === null
            ? null
            : [
                ...spec.parameters.map((one) => parameter(referenceTree(one))),
                ...(spec.variadic ? [{ kind: 'builtin' as const, code: 'z' }] : []),
              ],
      };
  }
}

function qualify(list: readonly string[], tree: TypeTree): TypeTree {
  if (tree.kind === 'array') return { ...tree, element: qualify(list, tree.element) };
  const all = new Set([...list, ...(tree.kind === 'qualified' ? words(tree.qualifiers) : [])]);
  const letters = `${all.has('restrict') ? 'r' : ''}${all.has('volatile') ? 'V' : ''}${all.has('const') ? 'K' : ''}`;
  return {
    kind: 'qualified',
    qualifiers: letters,
    type: tree.kind === 'qualified' ? tree.type : tree,
  };
}

function words(letters: string): readonly string[] {
  const names = { r: 'restrict', V: 'volatile', K: 'const' };
  return [...letters].map((letter) => names[letter as 'r' | 'V' | 'K']);
}

function parameter(tree: TypeTree): TypeTree {
  if (tree.kind === 'array') return { kind: 'pointer', to: tree.element };
  if (tree.kind === 'function') return { kind: 'pointer', to: tree };
  return tree.kind === 'qualified' ? tree.type : tree;
}

/** The mangled name of a tree. */
export function referenceMangle(tree: TypeTree): string {
  const seen: string[] = [];
  const write = (one: TypeTree): string => {
    if (one.kind === 'builtin' && !/^D[BU]\d/.test(one.code)) return one.code;
    const key = JSON.stringify(one);
    const index = seen.indexOf(key);
    if (index !== -1) return index === 0 ? 'S_' : `S${(index - 1).toString(36).toUpperCase()}_`;
    const text = spell(one, write);
    seen.push(key);
    return text;
  };
  return write(tree);
}

function spell(tree: TypeTree, write: (tree: TypeTree) => string): string {
  switch (tree.kind) {
    case 'builtin':
      return tree.code;
    case 'name':
      return tree.parts.map((part) => `${part.length}${part}`).join('');
    case 'pointer':
      return `P${write(tree.to)}`;
    case 'qualified':
      return `${tree.qualifiers}${write(tree.type)}`;
    case 'vendor':
      return `U${tree.vendor.length}${tree.vendor}${write(tree.type)}`;
    case 'array':
      return `A${tree.bound}_${write(tree.element)}`;
    case 'vector':
      return `Dv${tree.count}_${write(tree.element)}`;
    case 'complex':
      return `C${write(tree.element)}`;
    case 'function': {
      const { returns, parameters } = tree;
      const result = write(returns);
      const list = parameters?.map(write).join('') ?? '';
      return `F${result}${parameters !== null && list === '' ? 'v' : list}E`;
    }
  }
}
