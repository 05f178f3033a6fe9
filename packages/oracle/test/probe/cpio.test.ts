// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { cpioArchive } from '../../src/probe/cpio.ts';

interface Record {
  readonly name: string;
  readonly fields: readonly number[];
  readonly bytes: Buffer;
}

/** Reads an archive by the format's description alone. */
function read(archive: Uint8Array): Record[] {
  const buffer = Buffer.from(archive);
  const records: Record[] = [];
  for (let at = 0; at < buffer.length;) {
    expect(buffer.toString('latin1', at, at + 6)).toBe('070701');
    const fields = Array.from({ length: 13 }, (_, index) =>
      parseInt(buffer.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16),
    );
    const [size = 0, nameSize = 0] = [fields[6], fields[11]];
    const name = buffer.toString('latin1', at + 110, at + 110 + nameSize - 1);
    expect(buffer[at + 110 + nameSize - 1]).toBe(0);
    const data = (at + 110 + nameSize + 3) & ~3;
    records.push({ name, fields, bytes: buffer.subarray(data, data + size) });
    at = (data + size + 3) & ~3;
  }
  return records;
}

describe('an initramfs', () => {
  const records = read(
    cpioArchive([
      { kind: 'dir', path: 'dev', mode: 0o755 },
      { kind: 'char', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
      { kind: 'file', path: 'init', mode: 0o755, bytes: Buffer.from('hello') },
      { kind: 'file', path: 'empty', mode: 0o644, bytes: new Uint8Array(0) },
    ]),
  );

  test('holds its entries in order, and ends with the trailer', () => {
    expect(records.map(({ name }) => name)).toEqual([
      'dev',
      'dev/console',
      'init',
      'empty',
      'TRAILER!!!',
    ]);
  });

  test('gives each its type and mode', () => {
    expect(records.map(({ fields }) => fields[1]?.toString(8))).toEqual([
      '40755',
      '20600',
      '100755',
      '100644',
      '0',
    ]);
  });

  test('gives devices their numbers, files their bytes, all an inode of their own', () => {
    expect(records[1]?.fields.slice(9, 11)).toEqual([5, 1]);
    expect(records[2]?.bytes.toString()).toBe('hello');
    expect(new Set(records.slice(0, 4).map(({ fields }) => fields[0])).size).toBe(4);
    expect(records.every(({ fields }) => fields[2] === 0 && fields[3] === 0)).toBe(true);
  });
});
