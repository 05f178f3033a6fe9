// SPDX-License-Identifier: MIT
import { CSyntaxError } from './syntax-error.ts';
import { WORDS, type Word } from './words.ts';

export type TokenKind = 'word' | 'number' | 'character' | 'string' | 'punctuator' | 'end';

/** A preprocessing token of C. */
export interface Token {
  readonly kind: TokenKind;
  /** As it stands in the source; empty at the end. */
  readonly text: string;
  /** UTF-16 units from the beginning of the source. */
  readonly offset: number;
  /** What a word means by itself; undefined for a name and for everything else. */
  readonly word: Word | undefined;
}

/** Longest first, so that the first that fits is the token. */
const LONG_PUNCTUATORS: readonly string[] = [
  ...['...', '<<=', '>>='],
  ...['->', '++', '--', '<<', '>>', '<=', '>=', '==', '!=', '&&', '||'],
  ...['*=', '/=', '%=', '+=', '-=', '&=', '^=', '|='],
];
const PUNCTUATORS = '()[]{},;:?*&=<>+-/%!~^|.';
const LONG_STARTS = new Set(LONG_PUNCTUATORS.map((text) => text.charCodeAt(0)));

/** A digit has the bit of a word's characters: it may stand in one, but not begin it. */
const CHARACTER = { other: 0, space: 1, word: 2, digit: 3, punctuator: 4 } as const;

/** The class of each ASCII character. */
const CLASS: Uint8Array = classes();

function classes(): Uint8Array {
  const table = new Uint8Array(128);
  for (const space of ' \t\r\n\v\f') table[space.charCodeAt(0)] = CHARACTER.space;
  for (const mark of PUNCTUATORS) table[mark.charCodeAt(0)] = CHARACTER.punctuator;
  for (let code = 0; code < 128; code += 1) {
    if (/[A-Za-z_$]/.test(String.fromCharCode(code))) table[code] = CHARACTER.word;
    if (/[0-9]/.test(String.fromCharCode(code))) table[code] = CHARACTER.digit;
  }
  return table;
}

function classAt(source: string, offset: number): number {
  return offset < source.length
    ? (CLASS[source.charCodeAt(offset)] ?? CHARACTER.other)
    : CHARACTER.other;
}

/**
 * Splits C into tokens, one at a time. Comments and the line markers of a preprocessor are space;
 * other directives are errors, for there is no preprocessor here.
 */
export class Lexer {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /**
   * The next token; at the end, the end again and again.
   *
   * @throws CSyntaxError at a character that begins no token, or an unterminated comment or literal
   */
  next(): Token {
    const at = skipSpace(this.#source, this.#at);
    const token = at < this.#source.length ? tokenAt(this.#source, at) : endAt(at);
    this.#at = at + token.text.length;
    return token;
  }
}

function endAt(offset: number): Token {
  return { kind: 'end', text: '', offset, word: undefined };
}

function skipSpace(source: string, start: number): number {
  let at = start;
  for (;;) {
    const code = source.charCodeAt(at);
    if (CLASS[code] === CHARACTER.space) at += 1;
    else if (code === SLASH && source[at + 1] === '/') {
      const end = source.indexOf('\n', at);
      at = end === -1 ? source.length : end;
    } else if (code === SLASH && source[at + 1] === '*') {
      const end = source.indexOf('*/', at + 2);
      if (end === -1) throw new CSyntaxError(source, at, 'comment: expected */ before the end');
      at = end + 2;
    } else if (code === BACKSLASH && /^\\\r?\n/.test(source.slice(at, at + 3))) at += 2;
    else if (code === HASH) at = skipLineMarker(source, at);
    else return at;
  }
}

const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const HASH = 0x23;

function skipLineMarker(source: string, at: number): number {
  const end = source.indexOf('\n', at);
  const line = source.slice(at, end === -1 ? source.length : end);
  const first = /^\s*$/.test(source.slice(source.lastIndexOf('\n', at - 1) + 1, at));
  if (first && /^#\s*(line\b|pragma\b|[0-9]|$)/.test(line)) return at + line.length;
  throw new CSyntaxError(
    source,
    at,
    `directive: expected preprocessed C, got ${JSON.stringify(line.slice(0, 20))}`,
  );
}

function tokenAt(source: string, offset: number): Token {
  const kind = classAt(source, offset);
  if (kind === CHARACTER.word) return word(source, offset);
  if (kind === CHARACTER.digit) return number(source, offset);
  if (kind === CHARACTER.punctuator) {
    const next = classAt(source, offset + 1);
    if (next === CHARACTER.digit && source[offset] === '.') return number(source, offset);
    if (next === CHARACTER.punctuator && LONG_STARTS.has(source.charCodeAt(offset))) {
      const long = LONG_PUNCTUATORS.find((text) => source.startsWith(text, offset));
      if (long !== undefined) return { kind: 'punctuator', text: long, offset, word: undefined };
    }
    return { kind: 'punctuator', text: source.charAt(offset), offset, word: undefined };
  }
  if (source[offset] === '"' || source[offset] === "'") return quoted(source, offset, offset);
  const found = JSON.stringify(source[offset]);
  throw new CSyntaxError(source, offset, `expected a token of C, got ${found}`);
}

function word(source: string, offset: number): Token {
  let end = offset + 1;
  // Past the end the code is NaN, which has no class.
  while (((CLASS[source.charCodeAt(end)] ?? 0) & CHARACTER.word) !== 0) end += 1;
  const text = source.slice(offset, end);
  const quote = source[end];
  if ((quote === '"' || quote === "'") && /^(L|u|U|u8)$/.test(text)) {
    return quoted(source, offset, end);
  }
  return { kind: 'word', text, offset, word: WORDS.get(text) };
}

/** A preprocessing number: letters, digits, dots, and signs behind an exponent's letter. */
function number(source: string, offset: number): Token {
  const match = /(?:[eEpP][+-]|[0-9A-Za-z_.])+/y;
  match.lastIndex = offset;
  const text = match.exec(source)?.[0] ?? source.charAt(offset);
  return { kind: 'number', text, offset, word: undefined };
}

function quoted(source: string, offset: number, start: number): Token {
  const quote = source.charAt(start);
  let end = start + 1;
  while (source[end] !== quote) {
    if (end >= source.length || source[end] === '\n') {
      throw new CSyntaxError(source, offset, `literal: expected ${quote} before the line's end`);
    }
    end += source[end] === '\\' ? 2 : 1;
  }
  const kind = quote === '"' ? 'string' : 'character';
  return { kind, text: source.slice(offset, end + 1), offset, word: undefined };
}
