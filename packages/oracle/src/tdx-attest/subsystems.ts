// SPDX-License-Identifier: MIT
import fc, { type Arbitrary } from 'fast-check';
import { driver, getquote, TDX_CMD_GET_REPORT0, tsm, verify } from '@kernel-models/tdx-attest';
import type { Exploration, Subsystem } from '../subsystem.ts';
import type { Case } from '../target.ts';
import { deviceCases, isForDevice } from './device-cases.ts';
import { deviceTargets } from './device-target.ts';
import { guestTarget, isExecutableInGuest } from './guest-target.ts';
import { nodeSignatureBackend } from './node-signature-backend.ts';

const NEWEST = 'linux-7.0';
const COMMAND = BigInt(TDX_CMD_GET_REPORT0);
const NONCE = new Uint8Array(64).fill(7);

function ioctl(mapped: number, writable: boolean, cmd: bigint = COMMAND): driver.DriverOperation {
  return { op: 'ioctl', cmd, buffer: { reportData: NONCE, mapped, writable } };
}

const DRIVER_WORLD: Exploration<driver.DriverState, driver.DriverOperation, driver.Setup> = {
  name: 'module',
  sentence: 'a driver that is loaded, bound, asked and unloaded, with every step failing once',
  setups: [
    driver.DEFAULT_SETUP,
    { ...driver.DEFAULT_SETUP, nameTaken: true },
    { ...driver.DEFAULT_SETUP, tdxGuest: false },
  ],
  operations: () => [
    { op: 'load' },
    ...driver.LOAD_FAILURES.map((fails) => ({ op: 'load', fails }) as const),
    { op: 'unload' },
    { op: 'bind' },
    { op: 'unbind' },
    { op: 'set-tdcall-status', status: 5n },
    { op: 'set-tdcall-status', status: 0xc000_0100_0000_0008n },
    { op: 'set-tdcall-status', status: 0n },
    ioctl(1088, true),
    ioctl(1088, false),
    ioctl(64, true),
    ioctl(0, true),
    ioctl(1088, true, 0n),
  ],
  defaultDepth: 6,
  sometimes: { 'loaded without a node': ({ loaded, node }) => loaded && !node },
};

/** The guest driver, as the oracle holds it against recorded kernels. */
export const tdxDriverSubsystem: Subsystem<
  driver.DriverState,
  driver.DriverOperation,
  driver.DriverOutcome,
  driver.Setup
> = {
  model: driver.model,
  title: 'the TDX guest driver: its module, its device, its ioctl',
  defaultRevision: NEWEST,
  cases: deviceCases,
  isExecutable: isForDevice,
  targets: deviceTargets,
  explorations: [DRIVER_WORLD],
};

const TSM_WORLD: Exploration<tsm.TsmState, tsm.TsmOperation, tsm.Setup> = {
  name: 'one-item',
  sentence:
    'one report item, a host that answers at once, late or never, and two seconds of patience',
  setups: [driver.DEFAULT_SETUP],
  operations: () => [
    { op: 'load', getquoteTimeout: 2 },
    { op: 'unload' },
    { op: 'mkdir', name: 'q0', parent: 'report' },
    { op: 'rmdir', name: 'q0' },
    { op: 'write-inblob', name: 'q0', content: NONCE },
    { op: 'write-inblob', name: 'q0', content: new Uint8Array(65) },
    { op: 'read-outblob', name: 'q0' },
    { op: 'read-outblob', name: 'q0', signalAfter: 1 },
    { op: 'set-host', delay: 1300 },
    { op: 'set-host', delay: 'never' },
    { op: 'set-host', finalStatus: tsm.GET_QUOTE_ERROR },
    { op: 'set-host', outLen: 0x20000 },
    { op: 'host-completes' },
  ],
  defaultDepth: 6,
  sometimes: {
    'a cached outblob': ({ items }) => Object.values(items).some(({ outblob }) => outblob !== null),
    'a buffer that the host keeps': ({ quoteBuffer, waiting }) =>
      quoteBuffer?.status === tsm.GET_QUOTE_IN_FLIGHT && waiting === null,
  },
};

/**
 * The report items of configfs-tsm, as the oracle holds them against kernels, recorded and live.
 */
export const tdxTsmSubsystem: Subsystem<tsm.TsmState, tsm.TsmOperation, tsm.TsmOutcome, tsm.Setup> =
  {
    model: tsm.model,
    title: 'quotes through configfs-tsm: report items, their blobs, the GetQuote buffer',
    defaultRevision: NEWEST,
    cases: guestCases,
    isExecutable: isExecutableInGuest,
    targets: () => [guestTarget()],
    explorations: [TSM_WORLD],
  };

/** What can be put to a kernel whose host is not ours: everything up to a quote. */
function guestCases(): Arbitrary<Case<tsm.Setup, tsm.TsmOperation>> {
  const name = fc.constantFrom('q0', 'q1');
  const size = fc.constantFrom(0, 1, 63, 65, 128);
  const operation: Arbitrary<tsm.TsmOperation> = fc.oneof(
    name.map((one) => ({ op: 'mkdir', name: one, parent: 'report' }) as const),
    name.map((one) => ({ op: 'rmdir', name: one }) as const),
    fc.tuple(name, size, fc.integer({ min: 0, max: 255 })).map(
      ([one, length, value]) =>
        ({
          op: 'write-inblob',
          name: one,
          content: new Uint8Array(length).fill(value),
        }) as const,
    ),
    name.map((one) => ({ op: 'read-outblob', name: one }) as const),
    name.map((one) => ({ op: 'read-generation', name: one }) as const),
    name.map((one) => ({ op: 'read-provider', name: one }) as const),
  );
  return fc.array(operation, { minLength: 1, maxLength: 24 }).map((operations) => ({
    setup: driver.DEFAULT_SETUP,
    operations: [{ op: 'load' }, ...operations],
  }));
}

/** The verifier of quotes, held against another verifier, recorded. */
export const tdxVerifierSubsystem: Subsystem<
  verify.VerifierState,
  verify.VerifierOperation,
  verify.VerifierOutcome,
  verify.Setup
> = {
  model: verify.verifierModel(nodeSignatureBackend),
  title: 'verification of TDX quotes: chain, collateral, TCB level',
  defaultRevision: 'dcap-1.23',
  targets: () => [],
  explorations: [],
};

const HANDSHAKE_WORLD: Exploration<
  getquote.GetQuoteState,
  getquote.GetQuoteOperation,
  getquote.Setup
> = {
  name: 'hostile-host',
  sentence: 'two requests to a host that writes what it likes between any two accesses',
  setups: [{ timeout: 1, honest: false }],
  operations: handshakeMoves,
  defaultDepth: 9,
  sometimes: {
    'a torn quote': ({ result }) => result?.kind === 'quote' && result.content === 'torn',
    'a stale quote': ({ result, request }) =>
      result?.kind === 'quote' && request === 2 && result.content === 'quote-1',
  },
};

/** Every move of both sides that is worth trying. */
export function handshakeMoves({
  request,
  accepted,
}: getquote.GetQuoteState): readonly getquote.GetQuoteOperation[] {
  return [
    ...(request < 2 ? [{ op: 'guest-begin' } as const] : []),
    { op: 'guest-step' },
    { op: 'guest-second' },
    ...accepted.map((one) => ({ op: 'host-answer', request: one, status: 'success' }) as const),
    { op: 'host-status', status: 'error' },
    { op: 'host-status', status: 'success' },
    { op: 'host-status', status: 'in-flight' },
    { op: 'host-length', outLen: 'too-long' },
    { op: 'host-length', outLen: 'fits' },
    { op: 'host-data', content: 'foreign' },
  ];
}

/**
 * The handshake over the GetQuote buffer, held against what recorded kernels made of a host's
 * answers.
 */
export const tdxGetQuoteSubsystem: Subsystem<
  getquote.GetQuoteState,
  getquote.GetQuoteOperation,
  getquote.GetQuoteOutcome,
  getquote.Setup
> = {
  model: getquote.model,
  title: 'the GetQuote buffer between driver and host, access by access',
  defaultRevision: NEWEST,
  targets: () => [],
  explorations: [HANDSHAKE_WORLD],
};
