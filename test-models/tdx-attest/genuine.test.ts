// SPDX-License-Identifier: MIT
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nobleBackend, quote, verify } from '@kernel-models/tdx-attest';
import { readCollateralFolder } from '../../packages/oracle/src/tdx-attest/collateral-folder.ts';
import { nodeSignatureBackend } from './node-backend.ts';
import { askPeer } from './peer.ts';

const SAMPLES = process.env['KM_TDX_SAMPLES'];
if (SAMPLES === undefined) {
  process.stderr.write('skipped: genuine quotes: KM_TDX_SAMPLES names no folder of samples\n');
}

const seconds = (iso: string): number => Date.parse(iso) / 1000;

describe.skipIf(SAMPLES === undefined)('genuine quotes', () => {
  const folder = SAMPLES ?? '';
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));

  test.each([
    ['phala_tdx_v4.bin', 70],
    ['gotdx_spr_e4_v4.bin', 39],
  ])('%s is laid out as it was, its padding apart', (name, padding) => {
    const bytes = read(name);
    const parsed = quote.parseQuote(bytes);
    if (!parsed.ok) throw new Error(parsed.detail);
    const { signedRange, version, trailingSize } = parsed.quote;
    expect(trailingSize).toBe(padding);
    const again = quote.serialiseQuote(signedRange, version, quote.authDataOf(parsed.quote));
    expect(again).toEqual(bytes.slice(0, bytes.length - padding));
  });

  test.each([nobleBackend, nodeSignatureBackend])(
    'verify with $name, and in their window alone',
    (backend) => {
      const { collateral, root } = readCollateralFolder(folder);
      const verifier = verify.createVerifier({ root, backend });
      const at = (iso: string): string => {
        const verdict = verifier.verify(read('phala_tdx_v4.bin'), collateral, seconds(iso));
        return verdict.ok ? verdict.status : verdict.reason;
      };
      expect(at('2025-06-19T10:32:26Z')).toBe('qe-identity-expired');
      expect(at('2025-06-19T10:32:27Z')).toBe('UpToDate');
      expect(at('2025-07-19T10:00:35Z')).toBe('UpToDate');
      expect(at('2025-07-19T10:00:36Z')).toBe('crl-expired');
    },
  );

  test('a genuine quote of another platform has no use for this collateral', () => {
    const { collateral, root } = readCollateralFolder(folder);
    const verifier = verify.createVerifier({ root, backend: nodeSignatureBackend });
    const verdict = verifier.verify(
      read('gotdx_spr_e4_v4.bin'),
      collateral,
      seconds('2025-07-01T00:00:00Z'),
    );
    // Its own signatures stand: what is wrong is found behind them.
    expect(verdict).toMatchObject({ ok: false, step: 'tcb-info', reason: 'tcb-info-mismatch' });
  });

  test('the peer agrees', () => {
    const { collateral, root } = readCollateralFolder(folder);
    const time = seconds('2025-07-01T00:00:00Z');
    expect(askPeer(root, read('phala_tdx_v4.bin'), collateral, time)).toEqual({
      ok: true,
      status: 'UpToDate',
    });
    expect(askPeer(root, read('gotdx_spr_e4_v4.bin'), collateral, time).ok).toBe(false);
  });

  test('every bit that is signed counts', () => {
    const { collateral, root } = readCollateralFolder(folder);
    const verifier = verify.createVerifier({ root, backend: nodeSignatureBackend });
    const bytes = read('phala_tdx_v4.bin');
    for (let at = 50; at < 632; at += 13) {
      const verdict = verifier.verify(
        bytes.with(at, (bytes[at] ?? 0) ^ 0x10),
        collateral,
        seconds('2025-07-01T00:00:00Z'),
      );
      expect(verdict).toMatchObject({ ok: false, reason: 'quote-signature' });
    }
  });
});
