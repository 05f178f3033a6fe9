// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest';
import { prototype, structMember, featuresOf } from '../src/index.ts';

/** Ids that stand in kernel sources, in reports of failures, or in the memory of a booted kernel. */
test.each([
  ['unsigned int f(const void *, const struct bpf_insn *)', 0xd9421881],
  ['u64 f(u64, u64, u64, u64, u64)', 0x9e4709a9],
  ['int f(struct bpf_dummy_ops_state *, ...)', 0xb456af0c],
  ['void f(void *)', 0xa488ebfc],
  ['u32 f(struct sock *)', 0x0d1ab0f2],
  ['void f(struct sock *, u32, u32)', 0x512ae4fe],
  ['void f(struct sock *, u8)', 0xd08a1102],
  ['void f(struct sock *, enum tcp_ca_event)', 0xac6e76cf],
  ['int f(int *)', 0x3ad55aca],
])('%s', (source, id) => {
  expect(prototype(source).hash).toBe(id);
});

test('cong_control changed with its parameters', () => {
  const hash = (revision: string): number =>
    prototype(
      structMember('tcp_congestion_ops', 'cong_control', featuresOf(revision))?.prototype ?? '',
    ).hash;
  expect(hash('linux-6.9')).toBe(0x7df2ac49);
  expect(hash('linux-6.10')).toBe(0x2e70333c);
});
