// SPDX-License-Identifier: MIT

/*
 * Relocatable ELF64 files, as far as type ids need them: symbols and the bytes of sections. System
 * V ABI,
 * chapter 4.
 */

/** A symbol of an object file. */
export interface ObjectSymbol {
  readonly name: string;
  readonly value: number;
  /** Bytes; 0 where it has none. */
  readonly size: number;
  /** Index of its section; {@link SHN_ABS} for an absolute value. */
  readonly section: number;
}

export const SHN_ABS = 0xfff1;

/** An object file, read. */
export interface ObjectFile {
  readonly symbols: ReadonlyMap<string, ObjectSymbol>;
  /** The bytes of a section. */
  section(index: number): Uint8Array;
}

interface SectionHeader {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
}

const SHT_SYMTAB = 2;
const SYMBOL_SIZE = 24;

/**
 * Reads an object file.
 *
 * @throws RangeError where it is no little-endian ELF64 or ends early
 */
export function readObject(bytes: Uint8Array): ObjectFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
  if (magic.some((byte, index) => bytes[index] !== byte)) {
    throw new RangeError('object: expected a little-endian ELF64 file, got something else');
  }
  const headers = sectionHeaders(view);
  const section = (index: number): Uint8Array => {
    const header = headers[index];
    if (header === undefined)
      throw new RangeError(`section: expected one of the file, got ${index}`);
    return bytes.subarray(header.offset, header.offset + header.size);
  };
  const table = headers.findIndex(({ type }) => type === SHT_SYMTAB);
  const symbols = new Map<string, ObjectSymbol>();
  if (table !== -1) {
    const names = section(headers[table]?.link ?? 0);
    for (const symbol of readSymbols(section(table), names)) symbols.set(symbol.name, symbol);
  }
  return { symbols, section };
}

function sectionHeaders(view: DataView): readonly SectionHeader[] {
  const start = Number(view.getBigUint64(0x28, true));
  const size = view.getUint16(0x3a, true);
  return Array.from({ length: view.getUint16(0x3c, true) }, (_, index) => {
    const at = start + index * size;
    return {
      type: view.getUint32(at + 4, true),
      offset: Number(view.getBigUint64(at + 0x18, true)),
      size: Number(view.getBigUint64(at + 0x20, true)),
      link: view.getUint32(at + 0x28, true),
    };
  });
}

function* readSymbols(table: Uint8Array, names: Uint8Array): Generator<ObjectSymbol> {
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
  const decoder = new TextDecoder('latin1');
  for (let at = 0; at + SYMBOL_SIZE <= table.length; at += SYMBOL_SIZE) {
    const start = view.getUint32(at, true);
    const end = names.indexOf(0, start);
    yield {
      name: decoder.decode(names.subarray(start, end)),
      value: Number(view.getBigUint64(at + 8, true)),
      size: Number(view.getBigUint64(at + 16, true)),
      section: view.getUint16(at + 6, true),
    };
  }
}
