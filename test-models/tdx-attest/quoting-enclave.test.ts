// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest';
import { buildTd, extend, report } from '@kernel-models/hw-model/tdx';
import { driver, quote } from '@kernel-models/tdx-attest';
import { ENCLAVE } from './issued.ts';

/* A quote says what the TD is: field by field, of a TD in which no two registers are alike. */

const params = {
  attributes: 1n << 28n,
  xfam: 0x3n,
  mrConfigId: new Uint8Array(48).fill(0xc1),
  mrOwner: new Uint8Array(48).fill(0xc2),
  mrOwnerConfig: new Uint8Array(48).fill(0xc3),
};
const built = buildTd(driver.tdNamed('platform'), { params, pages: [Uint8Array.of(1)] });
const TD = [0, 1, 2, 3].reduce(
  (td, index) => extend(td, index, new Uint8Array(48).fill(index)),
  built,
);
const NONCE = Uint8Array.from({ length: 64 }, (_, index) => index);

describe('the body of a quote', () => {
  test.each(['v4', 'v5-1.0', 'v5-1.5'] as const)('in %s', (format) => {
    const made = report(TD, NONCE);
    const quoted = ENCLAVE.quoteTd(made.report, format);
    const parsed = quoted.ok ? quote.parseQuote(quoted.quote) : quoted;
    if (!parsed.ok) throw new Error(parsed.reason);
    const { body, version } = parsed.quote;
    if (body.kind !== 'td') throw new Error('the body of an enclave');
    const { mrTd, rtmr } = TD.measurements;
    const { teeTcbSvn, mrSeam, mrSignerSeam } = TD.module;
    expect(version).toBe(format === 'v4' ? 4 : 5);
    expect({
      teeTcbSvn: body.teeTcbSvn,
      mrSeam: body.mrSeam,
      mrSignerSeam: body.mrSignerSeam,
      attributes: body.tdAttributes,
      xfam: body.xfam,
      mrTd: body.mrTd,
      mrConfigId: body.mrConfigId,
      mrOwner: body.mrOwner,
      mrOwnerConfig: body.mrOwnerConfig,
      rtmr: body.rtmr,
      reportData: body.reportData,
    }).toEqual({ teeTcbSvn, mrSeam, mrSignerSeam, ...params, mrTd, rtmr, reportData: NONCE });
    expect(body.hasTdx15).toBe(format === 'v5-1.5');
  });
});
