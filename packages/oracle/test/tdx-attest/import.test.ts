// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { replay } from '@kernel-models/model-core';
import { driver, getquote, tsm } from '@kernel-models/tdx-attest';
import { importGuestTrace } from '../../src/tdx-attest/import.ts';
import { driverPart, handshakePart } from '../../src/tdx-attest/trace-parts.ts';

const FACTS = {
  revision: 'linux-6.12',
  source: { kind: 'kernel' },
  recordedAt: '2026-01-01T00:00:00Z',
} as const;

const LINES = [
  { op: 'ioctl', args: {}, out: { open: '-ENOENT' } },
  { op: 'load_driver', args: { getquote_timeout: 2 }, out: { ret: '0' } },
  { op: 'mkdir', args: { name: 'q0' }, out: { ret: '0' } },
  {
    op: 'write_inblob',
    args: { name: 'q0', len: 64, byte: 1 },
    out: { write: '64', close: '0', generation: 1 },
  },
  {
    op: 'read_outblob',
    args: { name: 'q0' },
    out: { ret: '100', head: 'fe'.repeat(16), tdcalls: 1, hypercalls: 1, seconds: 0 },
  },
  { op: 'set_host', args: { delay_ms: -1 }, out: {} },
  { op: 'set_host', args: { tdcall_status: '0x5' }, out: {} },
  {
    op: 'ioctl',
    args: { cmd: '0xc4405401', mode: 'ok', byte: 9 },
    out: { ret: '-EIO', tdcalls: 1, hypercalls: 0, report_128: '' },
  },
  { op: 'host_completes_now', args: {}, out: {} },
  { op: 'read_generation', args: { name: 'q0' }, out: { ret: '1' } },
  { op: 'read_provider', args: { name: 'q0' }, out: { ret: '10', text: 'tdx_guest' } },
  { op: 'rmdir', args: { name: 'q0' }, out: { ret: '0' } },
  { op: 'unload_driver', args: {}, out: { ret: '0' } },
];

const text = (lines: readonly object[]): string =>
  lines.map((line, n) => JSON.stringify({ n, ...line })).join('\n');

test('a foreign trace becomes traces of three models, which explain it', () => {
  const trace = importGuestTrace(text(LINES), 'x.jsonl', FACTS);
  expect(trace.events).toHaveLength(LINES.length);
  const revision = 'linux-6.12';
  expect(replay(tsm.model, trace, { revision }).verdict).toBe('agree');
  const mine = driverPart(trace);
  expect(mine.events.map(({ operation }) => operation.op)).toEqual([
    'ioctl',
    'load',
    'set-tdcall-status',
    'ioctl',
    'unload',
  ]);
  expect(replay(driver.model, mine, { revision }).verdict).toBe('agree');
  const handshake = handshakePart(trace);
  expect(handshake.events).toHaveLength(10);
  expect(replay(getquote.model, handshake, { revision }).verdict).toBe('agree');
});

test('an answer that is none of the nonce’s is told apart', () => {
  const lines = LINES.map((line) =>
    line.op === 'read_outblob' ? { ...line, out: { ...line.out, head: '00'.repeat(16) } } : line,
  );
  const handshake = handshakePart(importGuestTrace(text(lines), 'x.jsonl', FACTS));
  expect(replay(getquote.model, handshake, { revision: 'linux-6.12' }).verdict).toBe('diverge');
});

describe('what is not a trace of the harness', () => {
  test.each([
    ['nothing', '', /x\.jsonl: expected at least one line/],
    ['no JSON', '{', /x\.jsonl:1: expected a JSON object/],
    [
      'a gap',
      JSON.stringify({ n: 1, op: 'mkdir', args: {}, out: {} }),
      /x\.jsonl:1\.n: expected 0/,
    ],
    ['an unknown operation', text([{ op: 'chmod', args: {}, out: {} }]), /\.op: expected one of/],
    ['a missing argument', text([{ op: 'mkdir', args: {}, out: { ret: '0' } }]), /args\.name/],
    [
      'an unknown errno',
      text([{ op: 'mkdir', args: { name: 'q' }, out: { ret: '-EXXX' } }]),
      /out\.ret/,
    ],
    [
      'a failing close',
      text([
        {
          op: 'write_inblob',
          args: { name: 'q', len: 1, byte: 1 },
          out: { write: '1', close: '-EIO', generation: 1 },
        },
      ]),
      /out\.close/,
    ],
    [
      'a provider of another length',
      text([{ op: 'read_provider', args: { name: 'q' }, out: { ret: '9', text: 'tdx_guest' } }]),
      /out\.ret/,
    ],
    [
      'two knobs at once',
      text([{ op: 'set_host', args: { tdcall_status: '0x1', out_len: 1 }, out: {} }]),
      /tdcall_status alone/,
    ],
  ])('%s', (_, lines, message) => {
    expect(() => importGuestTrace(lines, 'x.jsonl', FACTS)).toThrow(message);
  });
});
