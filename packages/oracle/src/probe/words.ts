// SPDX-License-Identifier: MIT
import { DecodeError, type Json, type JsonObject } from '@kernel-models/model-core';

/**
 * The lines that a probe reads: a JSON object as `key=value` words, so that C without a library can
 * take it apart with one pass over the text.
 *
 * - A word is `key=value`; words are separated by one space; the whole is one line of ASCII.
 * - A field of an object inside is `outer.inner`, an item of a list is `list.0`, `list.1` ...; a
 * list
 *   also has a word of its own with its length, `list=[2]`, which stands before its items.
 * - Numbers, `true`, `false`, `null` and the empty object `{}` stand bare. A string stands bare as
 * well,
 *   unless it could be taken for one of them or for a list: then a `'` leads it.
 * - Bytes outside `!`..`~`, and `%`, are `%XX` (of the UTF-8 form); in keys also `.` and `=`.
 *
 * `{ op: 'open', flags: ['O_PATH'], fd: 5 }` becomes `op=open flags=[1] flags.0=O_PATH fd=5`.
 */
export function encodeWords(value: JsonObject): string {
  const words: string[] = [];
  appendFields(value, '', words);
  return words.join(' ');
}

/**
 * Reads a line of words back.
 *
 * @throws DecodeError where the line is not one that {@link encodeWords} writes
 */
export function decodeWords(line: string): JsonObject {
  const root = new Branch('{}');
  for (const word of line === '' ? [] : line.split(' ')) {
    const split = word.indexOf('=');
    if (split <= 0) throw new DecodeError('word', 'key=value', word);
    root.insert(word.slice(0, split).split('.'), word.slice(split + 1), word);
  }
  return root.toObject();
}

function appendFields(value: JsonObject, prefix: string, words: string[]): void {
  for (const [name, field] of Object.entries(value)) {
    if (field !== undefined) append(field, `${prefix}${escapeKey(name)}`, words);
  }
}

function append(value: Json, key: string, words: string[]): void {
  if (Array.isArray(value)) {
    words.push(`${key}=[${value.length}]`);
    for (const [index, item] of (value as readonly Json[]).entries()) {
      append(item, `${key}.${index}`, words);
    }
  } else if (value !== null && typeof value === 'object') {
    if (Object.values(value).every((field) => field === undefined)) words.push(`${key}={}`);
    else appendFields(value as JsonObject, `${key}.`, words);
  } else {
    words.push(`${key}=${typeof value === 'string' ? escapeString(value) : String(value)}`);
  }
}

/** What a bare value of another type looks like, and what begins with the quote itself. */
const NEEDS_QUOTE = /^(?:'|[[{]|-?[0-9]|(?:true|false|null)$)/;
const PLAIN = /^[!-$&-~]*$/;

function escapeString(text: string): string {
  const escaped = PLAIN.test(text) ? text : escape(text);
  return NEEDS_QUOTE.test(escaped) ? `'${escaped}` : escaped;
}

function escapeKey(name: string): string {
  if (name === '') throw new DecodeError('key', 'at least one character', name);
  const escaped = PLAIN.test(name) ? name : escape(name);
  return escaped.replaceAll('.', '%2E').replaceAll('=', '%3D');
}

function escape(text: string): string {
  let escaped = '';
  for (const byte of new TextEncoder().encode(text)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x25;
    escaped += plain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
  }
  return escaped.replaceAll(/%../g, (code) => code.toUpperCase());
}

function unescape(text: string, word: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new DecodeError('word', 'percent-encoded UTF-8', word);
  }
}

/** An object or a list while its words arrive. */
class Branch {
  readonly #length: number | undefined;
  readonly #children = new Map<string, Branch | Json>();

  /** @param announced `{}` for an object, `[n]` for a list of n */
  constructor(announced: string) {
    this.#length = announced === '{}' ? undefined : Number(announced.slice(1, -1));
  }

  insert(path: readonly string[], text: string, word: string): void {
    const [escapedName = '', ...rest] = path;
    const name = unescape(escapedName, word);
    const known = this.#children.get(name);
    if (rest.length === 0) {
      if (known !== undefined) throw new DecodeError('word', 'each key once', word);
      this.#children.set(name, parseValue(text, word));
      return;
    }
    const branch = known ?? new Branch('{}');
    if (!(branch instanceof Branch)) throw new DecodeError('word', 'an object or list', word);
    this.#children.set(name, branch);
    branch.insert(rest, text, word);
  }

  toObject(): JsonObject {
    const fields = [...this.#children].map(([name, child]) => [name, settle(child)] as const);
    return Object.fromEntries(fields);
  }

  toJson(): Json {
    if (this.#length === undefined) return this.toObject();
    const items = [...this.#children].map(([name, child], index) => {
      if (name !== String(index)) throw new DecodeError('word', `item ${index} of a list`, name);
      return settle(child);
    });
    if (items.length !== this.#length) {
      throw new DecodeError('word', `a list of ${this.#length}`, `${items.length} items`);
    }
    return items;
  }
}

function settle(child: Branch | Json): Json {
  return child instanceof Branch ? child.toJson() : child;
}

function parseValue(text: string, word: string): Branch | Json {
  if (text.startsWith("'")) return unescape(text.slice(1), word);
  if (text === '{}' || /^\[[0-9]+\]$/.test(text)) return new Branch(text);
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  if (!NEEDS_QUOTE.test(text)) return unescape(text, word);
  const number = Number(text);
  if (Number.isNaN(number)) throw new DecodeError('word', 'a number, or a quoted string', word);
  return number;
}
