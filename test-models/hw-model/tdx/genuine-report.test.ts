// SPDX-License-Identifier: MIT
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { platformOf, verifyReport } from '@kernel-models/hw-model/tdx';

const SAMPLES = process.env['KM_TDX_SAMPLES'];
if (SAMPLES === undefined) {
  process.stderr.write('skipped: genuine TDREPORT: KM_TDX_SAMPLES names no folder of samples\n');
}

describe.skipIf(SAMPLES === undefined)('a genuine TDREPORT of TDX 1.5', () => {
  const read = (): Buffer => readFileSync(join(SAMPLES ?? '', 'azure_tdreport_v15.bin'));
  const sha384 = (bytes: Uint8Array): Buffer => createHash('sha384').update(bytes).digest();

  test('hashes 239 bytes of TEE_TCB_INFO and 512 of TDINFO_STRUCT', () => {
    const genuine = read();
    expect(sha384(genuine.subarray(256, 256 + 239))).toEqual(genuine.subarray(32, 80));
    expect(sha384(genuine.subarray(256, 512))).not.toEqual(genuine.subarray(32, 80));
    expect(sha384(genuine.subarray(512, 1024))).toEqual(genuine.subarray(80, 128));
    expect(genuine.readBigUInt64LE(256)).toBe(0x301ffn);
  });

  test('is another platform’s: all that is wrong with it is its MAC', () => {
    const newest = platformOf('any', new Uint8Array(16).fill(0xff));
    expect(verifyReport(newest, new Uint8Array(read()))).toEqual({ ok: false, reason: 'mac' });
  });
});
