// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { escapeXml, formatCount, formatTable, plural, Progress } from '@kernel-models/oracle';

describe('tables', () => {
  test('align their columns and end no line in blanks', () => {
    const text = formatTable(
      [{ title: 'name' }, { title: 'n', align: 'right' }],
      [
        ['a', '1'],
        ['longer', '12,345'],
      ],
    );
    expect(text).toBe(
      ['  name         n', '  ------  ------', '  a            1', '  longer  12,345'].join('\n'),
    );
  });

  test('count', () => {
    expect(formatCount(1234567)).toBe('1,234,567');
    expect([plural(1, 'trace'), plural(2, 'trace')]).toEqual(['1 trace', '2 traces']);
  });
});

describe('escapeXml', () => {
  test('leaves nothing that XML cannot hold', () => {
    expect(escapeXml(`<a b="c">&'\u0001`)).toBe('&lt;a b=&quot;c&quot;&gt;&amp;&#39;\ufffd');
  });
});

describe('the progress line', () => {
  test('shows on a terminal what runs, how far it is and how long it takes', () => {
    const written: string[] = [];
    const progress = new Progress(true, (text) => written.push(text));
    progress.update('checking', 50, 100);
    progress.clear();
    progress.clear();
    expect(written).toHaveLength(2);
    expect(written[0]?.slice(0, '\r\u001b[2K'.length)).toBe('\r\u001b[2K');
    expect(written[0]).toMatch(/checking: 50 of 100, [\d,]+\/s(, \d+ s left)?$/);
    expect(written[1]).toBe('\r\u001b[2K');
  });

  test('is silent elsewhere', () => {
    const written: string[] = [];
    const progress = new Progress(false, (text) => written.push(text));
    progress.update('checking', 50, 100);
    progress.clear();
    expect(written).toEqual([]);
  });
});
