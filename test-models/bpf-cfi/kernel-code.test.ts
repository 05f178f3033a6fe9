// SPDX-License-Identifier: MIT
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bpfCfi, ENDBR64, REVISIONS, type Operation, type Setup } from '@kernel-models/bpf-cfi';
import { checkProperty } from '../support/check-property.ts';
import { covered } from '../support/rule-coverage.ts';
import { boots, PROTOTYPES, setups } from './arbitraries.ts';

/* Functions of the kernel and their callers, as boot leaves them. */

const model = covered(bpfCfi);
const real = REVISIONS.filter(({ id }) => !id.startsWith('bug:')).map(({ id }) => id);

function shown(setup: Setup, boot: Operation, operation: Operation, revision: string): string {
  const { state } = model.apply(model.initial(setup), boot, revision);
  const { outcome } = model.apply(state, operation, revision);
  return outcome.kind === 'image' ? outcome.bytes : outcome.kind;
}

const functionOf = (prototype: string, addressTaken: boolean): Operation => ({
  op: 'function',
  callee: { prototype, addressTaken },
});

const BUILD: Setup = {
  ...{ cfi: true, autoDefault: true, fineibt: true, bhi: false, ibt: true, padding: true },
  ...{ alignment: 16, permissive: false, retpoline: true, returnThunk: false, sls: false },
  cpu: { ibt: false, fred: false },
};

describe('what Linux 6.12 was seen to leave', () => {
  // 0x36b1c5a6 is `int f(void)`, 0xa540670c is `void f(void)`.
  const taken = functionOf('int f(void)', true);
  const sealed = functionOf('int f(void)', false);
  const site: Operation = { op: 'site', site: 'void f(void)' };
  test.each([
    ['kcfi,norand', taken, 'b8a6c5b136 90909090909090909090 90 f30f1efa'],
    ['kcfi,norand', sealed, 'b800000000 90909090909090909090 90 660f1f00'],
    ['kcfi,norand', site, '41baf498bf5a 450353f1 7402 0f0b 2ee8????????'],
    ['fineibt,norand', taken, 'f30f1efa 4181eaa6c5b136 7403 0f0b 90 660f1f00'],
    ['fineibt,norand', sealed, '660f1f00 4181ea00000000 7403 0f0b 90 660f1f00'],
    ['fineibt,norand', site, '41ba0c6740a5 4983eb10 0f1f4000 2ee8????????'],
    ['off', taken, 'b8a6c5b136 90909090909090909090 90 f30f1efa'],
    // No scheme is in force: the hash stays. The landing goes all the same.
    ['off', sealed, 'b8a6c5b136 90909090909090909090 90 660f1f00'],
    ['off', site, 'eb0cf498bf5a 450353f1 7402 0f0b 2ee8????????'],
  ])('with cfi=%s of %o', (cfi, operation, bytes) => {
    const boot: Operation = { op: 'boot', cfi, seed: 1 };
    expect(shown(BUILD, boot, operation, 'linux-6.12')).toBe(bytes.replaceAll(' ', ''));
  });
});

test('whose address is never taken has no landing, whatever is in force', async () => {
  await checkProperty(
    'bpf-cfi.sealed',
    fc.property(
      setups.filter(({ ibt }) => ibt),
      boots,
      fc.constantFrom(...PROTOTYPES),
      fc.constantFrom(...real),
      (setup, boot, prototype, revision) => {
        const digits = shown(setup, boot, functionOf(prototype, false), revision);
        const bytes = Buffer.from(digits.replaceAll('?', '0'), 'hex');
        for (let at = 0; at + 4 <= bytes.length; at += 1) {
          if (bytes.readUInt32LE(at) === ENDBR64) return false;
        }
        return true;
      },
    ),
    { runs: 1_000 },
  );
});

test('where callers check, caller and function of a type hold one hash', async () => {
  await checkProperty(
    'bpf-cfi.site-hash',
    fc.property(
      setups.filter(({ cfi }) => cfi),
      boots,
      fc.constantFrom(...PROTOTYPES),
      fc.constantFrom(...real),
      (setup, boot, prototype, revision) => {
        const callee = Buffer.from(
          shown(setup, boot, functionOf(prototype, true), revision).replaceAll('?', '0'),
          'hex',
        );
        const site = shown(setup, boot, { op: 'site', site: prototype }, revision);
        const caller = Buffer.from(site.replaceAll('?', '0'), 'hex');
        const words = (bytes: Buffer): number[] =>
          Array.from({ length: bytes.length - 3 }, (_, at) => bytes.readUInt32LE(at));
        const expected = caller.readUInt32LE(caller[0] === 0xb8 ? 1 : 2);
        // FineIBT has it as it is, kCFI and callers that were disabled negated.
        return words(callee).some((word) => word === expected || word === -expected >>> 0);
      },
    ),
    { runs: 1_000 },
  );
});
