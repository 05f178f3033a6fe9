// SPDX-License-Identifier: MIT
import { builtin, CHAR } from './builtins.ts';
import { readDeclarations, type Declared } from './declarations.ts';
import { Reader, Scope, type Dialect } from './reader.ts';
import { TypeTable } from './type-table.ts';
import type { FunctionName, TagType } from './type.ts';

/**
 * C declarations at file scope, with the types that they name. Sources are added one after the
 * other, as if they stood in one file. A source with an error adds nothing that was not read before
 * it.
 */
export class TranslationUnit {
  readonly types: TypeTable = new TypeTable();
  readonly #dialect: Dialect;
  readonly #scope: Scope = new Scope(undefined);
  readonly #functions = new Map<string, FunctionName>();
  readonly #declared = new Map<string, Declared>();

  constructor(dialect: Partial<Dialect> = {}) {
    this.#dialect = {
      c23: false,
      unsignedChar: false,
      shortWchar: false,
      branchProtection: false,
      fileTags: false,
      returnQualifiers: true,
      ...dialect,
    };
    this.#predefine();
  }

  /** The types that a compiler declares itself. System V ABI, AMD64 supplement, 3.5.7 (va_list). */
  #predefine(): void {
    const scope = this.#scope;
    const list = this.types.tag('struct', '__va_list_tag', { kind: 'file' }, undefined);
    const word = { bits: undefined, aligned: 0, packed: false };
    list.members = [
      { name: 'gp_offset', type: builtin('j'), ...word },
      { name: 'fp_offset', type: builtin('j'), ...word },
      { name: 'overflow_arg_area', type: this.types.pointer(builtin('v')), ...word },
      { name: 'reg_save_area', type: this.types.pointer(builtin('v')), ...word },
    ];
    scope.declare('__builtin_va_list', { kind: 'typedef', type: this.types.array(list, 1n) });
    scope.declare('__builtin_ms_va_list', { kind: 'typedef', type: this.types.pointer(CHAR) });
  }

  /**
   * Adds declarations.
   *
   * @returns those that this source made or changed, in the order of their names' first appearance
   * @throws CSyntaxError with line and column in this source
   */
  declare(source: string): readonly Declared[] {
    const reader = new Reader(source, {
      types: this.types,
      scope: this.#scope,
      dialect: this.#dialect,
      functions: this.#functions,
    });
    return readDeclarations(reader, this.#declared);
  }

  /** Everything declared so far, in order. */
  get declarations(): readonly Declared[] {
    return [...this.#declared.values()];
  }

  /** The tags at file scope, in order. */
  get tags(): readonly TagType[] {
    return this.#scope.tags;
  }

  /** A tag at file scope. */
  findTag(name: string): TagType | undefined {
    return this.#scope.ownTag(name);
  }
}
