// SPDX-License-Identifier: MIT
import type { Json, JsonObject } from './json.ts';

/** Input that is not what a codec expects. The message has the form `field: expected X, got Y`. */
export class DecodeError extends Error {
  /** Where in the input: `operation.flags[1]`. */
  readonly field: string;

  constructor(field: string, expected: string, got: unknown) {
    super(`${field}: expected ${expected}, got ${abbreviate(got)}`);
    this.name = 'DecodeError';
    this.field = field;
  }
}

/** Turns a JSON value at `field` into a value, or throws a {@link DecodeError}. */
export type Decoder<Value> = (json: Json | undefined, field: string) => Value;

function abbreviate(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Any string. */
export const string: Decoder<string> = (json, field) => {
  if (typeof json !== 'string') throw new DecodeError(field, 'a string', json);
  return json;
};

/** `true` or `false`. */
export const boolean: Decoder<boolean> = (json, field) => {
  if (typeof json !== 'boolean') throw new DecodeError(field, 'true or false', json);
  return json;
};

/** A whole number in `[min, max]`, both inclusive and safe integers. */
export function integer(
  min: number = Number.MIN_SAFE_INTEGER,
  max: number = Number.MAX_SAFE_INTEGER,
): Decoder<number> {
  return (json, field) => {
    if (typeof json !== 'number' || !Number.isSafeInteger(json) || json < min || json > max) {
      throw new DecodeError(field, `a whole number from ${min} to ${max}`, json);
    }
    return json;
  };
}

/** A `0x…` string in `[min, max]`, both inclusive. In memory a bigint. */
export function hex(min: bigint = 0n, max: bigint = (1n << 64n) - 1n): Decoder<bigint> {
  return (json, field) => {
    const expected = `a 0x… string from 0x${min.toString(16)} to 0x${max.toString(16)}`;
    if (typeof json !== 'string' || !/^0x[0-9a-f]+$/.test(json)) {
      throw new DecodeError(field, expected, json);
    }
    const value = BigInt(json);
    if (value < min || value > max) throw new DecodeError(field, expected, json);
    return value;
  };
}

/** How many bytes a field may have. */
export interface ByteRange {
  readonly min?: number;
  readonly max: number;
}

/** Bytes as hexadecimal digits without a prefix: of exactly a size, or within a range. */
export function bytes(size: number | ByteRange): Decoder<Uint8Array> {
  const { min, max } = typeof size === 'number' ? { min: size, max: size } : { min: 0, ...size };
  const expected = `${min === max ? max : `${min} to ${max}`} bytes as hexadecimal digits`;
  return (json, field) => {
    if (typeof json !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(json)) {
      throw new DecodeError(field, expected, json);
    }
    const count = json.length / 2;
    if (count < min || count > max) throw new DecodeError(field, expected, json);
    const byteAt = (index: number): number => parseInt(json.slice(2 * index, 2 * index + 2), 16);
    return Uint8Array.from({ length: count }, (_, index) => byteAt(index));
  };
}

/** A file mode as an octal string of up to four digits, `"0755"`. In memory a number. */
export const octalMode: Decoder<number> = (json, field) => {
  if (typeof json !== 'string' || !/^[0-7]{1,5}$/.test(json) || parseInt(json, 8) > 0o7777) {
    throw new DecodeError(field, 'an octal mode such as "0755"', json);
  }
  return parseInt(json, 8);
};

/** A mode as traces spell it: four octal digits. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** One of the given strings. */
export function oneOf<const Value extends string>(values: readonly Value[]): Decoder<Value> {
  return (json, field) => {
    if (!(values as readonly unknown[]).includes(json)) {
      throw new DecodeError(field, `one of ${values.join(', ')}`, json);
    }
    return json as Value;
  };
}

/** A list. */
export function array<Value>(item: Decoder<Value>): Decoder<readonly Value[]> {
  return (json, field) => {
    if (!Array.isArray(json)) throw new DecodeError(field, 'a list', json);
    return json.map((value: Json, index) => item(value, `${field}[${index}]`));
  };
}

/** What `other` accepts, or nothing. An absent optional field stays absent in the value. */
export interface OptionalDecoder<Value> {
  readonly optional: Decoder<Value>;
}

/** Marks a field of {@link object} that may be absent. */
export function optional<Value>(decoder: Decoder<Value>): OptionalDecoder<Value> {
  return { optional: decoder };
}

type Fields = Readonly<Record<string, Decoder<unknown> | OptionalDecoder<unknown>>>;

type Decoded<Shape extends Fields> = {
  readonly [
    Name in keyof Shape as Shape[Name] extends OptionalDecoder<unknown> ? never : Name
  ]: Shape[Name] extends Decoder<infer Value> ? Value : never;
} & {
  readonly [
    Name in keyof Shape as Shape[Name] extends OptionalDecoder<unknown> ? Name : never
  ]?: Shape[Name] extends OptionalDecoder<infer Value> ? Value : never;
};

/** An object with exactly these fields. Unknown fields are errors. */
export function object<const Shape extends Fields>(shape: Shape): Decoder<Decoded<Shape>> {
  const fields = Object.entries(shape);
  return (json, field) => {
    const source = asObject(json, field);
    for (const name of Object.keys(source)) {
      if (!Object.hasOwn(shape, name)) {
        throw new DecodeError(`${field}.${name}`, `no such field (${known(shape)})`, source[name]);
      }
    }
    const value: Record<string, unknown> = {};
    for (const [name, decoder] of fields) {
      if (typeof decoder === 'function') value[name] = decoder(source[name], `${field}.${name}`);
      else if (source[name] !== undefined) {
        value[name] = decoder.optional(source[name], `${field}.${name}`);
      }
    }
    return value as Decoded<Shape>;
  };
}

/**
 * An object whose `tag` field says which of several shapes it has.
 *
 * @param tag name of the discriminating field, which stays in the value
 */
export function union<
  const Tag extends string,
  const Shapes extends Readonly<Record<string, Fields>>,
>(
  tag: Tag,
  shapes: Shapes,
): Decoder<
  { [Name in keyof Shapes]: { readonly [T in Tag]: Name } & Decoded<Shapes[Name]> }[keyof Shapes]
> {
  const tags = Object.keys(shapes);
  const decoders = new Map(
    Object.entries(shapes).map(([name, shape]) => [name, object({ [tag]: string, ...shape })]),
  );
  return (json, field) => {
    const name = oneOf(tags)(asObject(json, field)[tag], `${field}.${tag}`);
    const decoder = decoders.get(name);
    if (decoder === undefined) throw new DecodeError(`${field}.${tag}`, tags.join(', '), name);
    return decoder(json, field) as never;
  };
}

/** An object with any field names and one kind of value. */
export function record<Value>(item: Decoder<Value>): Decoder<Readonly<Record<string, Value>>> {
  return (json, field) =>
    Object.fromEntries(
      Object.entries(asObject(json, field)).map(([name, value]) => [
        name,
        item(value, `${field}.${name}`),
      ]),
    );
}

function asObject(json: Json | undefined, field: string): JsonObject {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) {
    throw new DecodeError(field, 'an object', json);
  }
  return json as JsonObject;
}

function known(shape: Fields): string {
  return `known: ${Object.keys(shape).join(', ')}`;
}
