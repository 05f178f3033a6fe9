// SPDX-License-Identifier: MIT
import { Lexer, type Token } from './lexer.ts';
import { CSyntaxError } from './syntax-error.ts';
import type { TypeTable } from './type-table.ts';
import type { CType, FunctionName, TagScope, TagType } from './type.ts';

/** What an ordinary identifier means. */
export type Entity =
  | { readonly kind: 'typedef'; readonly type: CType }
  | { readonly kind: 'object'; readonly type: CType }
  | { readonly kind: 'enumerator'; readonly type: CType; readonly value: bigint };

const FILE: TagScope = Object.freeze({ kind: 'file' });
const LIST: TagScope = Object.freeze({ kind: 'list' });

/** A scope of C17 6.2.1: of a file or of a parameter list. */
export class Scope {
  readonly parent: Scope | undefined;
  /** Whose own parameter list this is, made when a tag asks for it: few lists declare any. */
  readonly #owner: (() => FunctionName) | undefined;
  // Most parameter lists declare neither, so the maps come late: a quarter of the time of a prototype.
  #names: Map<string, Entity> | undefined = undefined;
  #tags: Map<string, TagType> | undefined = undefined;

  /**
   * @param parent the scope around; undefined for a file's
   * @param owner the function whose own parameter list this is
   */
  constructor(parent: Scope | undefined, owner?: () => FunctionName) {
    this.parent = parent;
    this.#owner = owner;
  }

  /** Where the tags that are first declared here belong. */
  get tagScope(): TagScope {
    if (this.parent === undefined) return FILE;
    return this.#owner === undefined ? LIST : { kind: 'function', owner: this.#owner() };
  }

  /** The tags declared here, in order. */
  get tags(): readonly TagType[] {
    return [...(this.#tags?.values() ?? [])];
  }

  /** What a name means in this very scope. */
  own(name: string): Entity | undefined {
    return this.#names?.get(name);
  }

  declare(name: string, entity: Entity): void {
    this.#names ??= new Map();
    this.#names.set(name, entity);
  }

  /** The tag of a name in this very scope. */
  ownTag(name: string): TagType | undefined {
    return this.#tags?.get(name);
  }

  declareTag(name: string, tag: TagType): void {
    this.#tags ??= new Map();
    this.#tags.set(name, tag);
  }
}

/** What a dialect decides. */
export interface Dialect {
  /** `()` is `(void)`, and bool, true, false and nullptr_t are there. */
  readonly c23: boolean;
  /**
   * -funsigned-char, as the kernel is built since Linux 6.2. Changes values, never a mangled name.
   */
  readonly unsignedChar: boolean;
  /** -fshort-wchar. */
  readonly shortWchar: boolean;
  /** -fcf-protection=branch, where nocf_check is part of a function type. */
  readonly branchProtection: boolean;
  /**
   * A tag that nothing declared before belongs to the file, wherever it stands, and not to the
   * parameter list, as C has it: what a person means who writes one prototype alone.
   */
  readonly fileTags: boolean;
  /**
   * A function type keeps the qualifiers of its return type, as clang has it and C17 6.7.6.3 not.
   */
  readonly returnQualifiers: boolean;
}

/**
 * Walks over the tokens of one source, with the scopes and types of the translation unit around it.
 */
export class Reader {
  readonly source: string;
  readonly types: TypeTable;
  readonly dialect: Dialect;
  readonly functions: Map<string, FunctionName>;
  scope: Scope;
  /** The record whose member list is being read. */
  record: TagType | undefined = undefined;
  /** The token that is read next. */
  token: Token;
  readonly #lexer: Lexer;
  /** Tokens that were looked at and are not taken yet, behind `token`. */
  readonly #ahead: Token[] = [];
  #depth = 0;

  constructor(
    source: string,
    unit: {
      readonly types: TypeTable;
      readonly scope: Scope;
      readonly dialect: Dialect;
      readonly functions: Map<string, FunctionName>;
    },
  ) {
    this.source = source;
    this.types = unit.types;
    this.dialect = unit.dialect;
    this.functions = unit.functions;
    this.scope = unit.scope;
    this.#lexer = new Lexer(source);
    this.token = this.#lexer.next();
  }

  /** A token further on; 0 is the next one. */
  peek(ahead: number): Token {
    if (ahead === 0) return this.token;
    while (this.#ahead.length < ahead) this.#ahead.push(this.#lexer.next());
    return this.#ahead[ahead - 1] ?? this.token;
  }

  /** Takes the next token. */
  take(): Token {
    const { token } = this;
    this.token = this.#ahead.length > 0 ? (this.#ahead.shift() ?? token) : this.#lexer.next();
    return token;
  }

  /** Takes the next token if it reads so. */
  accept(text: string): boolean {
    const { token } = this;
    if (token.text !== text || token.kind === 'string' || token.kind === 'character') return false;
    this.take();
    return true;
  }

  /** @throws CSyntaxError where the next token reads otherwise */
  expect(text: string, where: string): void {
    if (!this.accept(text)) this.fail(where, JSON.stringify(text));
  }

  /** @throws CSyntaxError always: what was expected at the next token, and what is there */
  fail(where: string, expected: string, token: Token = this.token): never {
    const got = token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
    this.reject(`${where}: expected ${expected}, got ${got}`, token);
  }

  /** @throws CSyntaxError always */
  reject(message: string, token: { readonly offset: number } = this.token): never {
    throw new CSyntaxError(this.source, token.offset, message);
  }

  /** Looks an ordinary identifier up, from the inside out. */
  lookup(name: string): Entity | undefined {
    for (let scope: Scope | undefined = this.scope; scope !== undefined; scope = scope.parent) {
      const entity = scope.own(name);
      if (entity !== undefined) return entity;
    }
    return undefined;
  }

  /**
   * Bounds nesting, so that a hostile input ends in an error and not in an exhausted stack. Nobody
   * reads on behind an error, so that a level that is not left does no harm.
   *
   * @throws CSyntaxError where there are too many levels
   */
  enter(): void {
    this.#depth += 1;
    if (this.#depth > MAX_NESTING) this.reject(`nesting: expected at most ${MAX_NESTING} levels`);
  }

  /** The end of what {@link enter} began. */
  leave(): void {
    this.#depth -= 1;
  }

  /** Reads something one level deeper. */
  nested<Value>(read: () => Value): Value {
    this.enter();
    const value = read();
    this.leave();
    return value;
  }

  /** Skips a bracketed group whose opening bracket is the next token. */
  skipGroup(): void {
    const start = this.token;
    let depth = 0;
    do {
      const { text, kind } = this.take();
      if (kind === 'end') this.fail('brackets', 'them closed', start);
      if (kind !== 'punctuator') continue;
      if (text === '(' || text === '[' || text === '{') depth += 1;
      else if (text === ')' || text === ']' || text === '}') depth -= 1;
    } while (depth > 0);
  }
}

/** clang's own default for brackets is 256 levels; each of ours takes several stack frames. */
const MAX_NESTING = 256;
