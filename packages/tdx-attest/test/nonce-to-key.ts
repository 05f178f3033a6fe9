// SPDX-License-Identifier: MIT
import { report, verifyReport } from '@kernel-models/hw-model/tdx';
import {
  driver,
  keyServer,
  quote,
  quotingEnclave,
  testPki,
  tsm,
  verify,
} from '@kernel-models/tdx-attest';

const KERNEL = 'linux-7.0';

/** From a nonce to a released key: every layer once, in the order in which they meet. */
export function nonceToKey(): Uint8Array | undefined {
  // The key server begins: a nonce that it has never sent.
  const nonce = new Uint8Array(32).fill(0x2a);

  // The TD makes an ephemeral key and binds both into REPORTDATA.
  const tdKey = keyServer.publicKeyOf('td');
  const reportData = keyServer.reportDataOf('nonce-and-key', nonce, tdKey);

  // It asks its kernel for a quote: a report item of configfs, whose read waits for the host.
  let guest = tsm.model.initial(driver.DEFAULT_SETUP);
  const ask = (operation: tsm.TsmOperation): tsm.TsmOutcome => {
    const step = tsm.model.apply(guest, operation, KERNEL);
    guest = step.state;
    return step.outcome;
  };
  ask({ op: 'load' });
  ask({ op: 'set-host', delay: 'never' });
  ask({ op: 'mkdir', name: 'q0', parent: 'report' });
  ask({ op: 'write-inblob', name: 'q0', content: reportData });
  ask({ op: 'open', fd: 3, name: 'q0', file: 'outblob', access: 'read' });
  ask({ op: 'read-size', fd: 3 });

  // The host finds the TDREPORT in the shared buffer and hands it to the quoting enclave, which
  // asks the CPU whether it is one of this platform.
  const tdReport = guest.quoteBuffer?.data ?? new Uint8Array();
  const platform = driver.platformNamed('platform');
  if (!verifyReport(platform, tdReport).ok) throw new Error('not a report of this platform');
  const pki = testPki.createTestPki();
  const quoted = quotingEnclave.createQuotingEnclave(pki, platform).quoteTd(tdReport);
  if (!quoted.ok) throw new Error(`the quoting enclave refused: ${quoted.reason}`);
  ask({ op: 'host-writes', data: quoted.quote, outLen: quoted.quote.length });
  ask({ op: 'host-writes', status: tsm.GET_QUOTE_SUCCESS });

  // A second later the driver looks, and the TD reads its quote.
  ask({ op: 'tick' });
  const read = ask({ op: 'read-data', fd: 3 });
  if (read.kind !== 'blob' || read.bytes === undefined) throw new Error('no quote');

  // The key server verifies it offline, by collateral that it has, and by what it expects of the
  // TD.
  const wanted = report(guest.driver.td, reportData).report;
  const verifier = verify.createVerifier({ root: pki.root });
  const verdict = verifier.verify(
    read.bytes,
    pki.collateral(),
    Date.parse('2026-06-01T00:00:00Z') / 1000,
    { mrTd: [wanted.slice(528, 576)], reportData },
  );
  if (!verdict.ok) throw new Error(`${verdict.step}: ${verdict.reason}`);
  if (!(verdict.body instanceof quote.TdBody)) throw new Error('not a TD');

  // The disk key goes to the key that the quote binds, and nobody else can open it.
  const sealed = keyServer.seal(keyServer.DISK_KEY, tdKey, 'one session');
  return sealed && keyServer.unseal(sealed, keyServer.KEY_SEED.td);
}
