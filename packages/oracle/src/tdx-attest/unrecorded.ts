// SPDX-License-Identifier: MIT
import * as tdx from '@kernel-models/hw-model/tdx';
import { driver, keyServer, measurement, qgs } from '@kernel-models/tdx-attest';
import type { Exploration, Subsystem } from '../subsystem.ts';
import { nodeSignatureBackend } from './node-signature-backend.ts';

/*
 * The models that nothing real is held against: their invariants, explorations and tests speak for
 * them. docs/limits.md says what it would take.
 */

const DIGEST = new Uint8Array(48).fill(3);

const REGISTERS_WORLD: Exploration<
  measurement.MeasurementState,
  measurement.MeasurementOperation,
  driver.Setup
> = {
  name: 'registers',
  sentence: 'two registers that are read and extended while the driver comes and goes',
  setups: [driver.DEFAULT_SETUP],
  operations: () => [
    { op: 'load' },
    { op: 'unload' },
    { op: 'mr-write', register: 'rtmr0:sha384', offset: 0, content: DIGEST },
    { op: 'mr-write', register: 'mrtd:sha384', offset: 0, content: DIGEST },
    { op: 'mr-read', register: 'rtmr0:sha384', offset: 0, size: 48 },
    { op: 'set-tdcall-status', status: 5n },
  ],
  defaultDepth: 4,
  sometimes: { 'a register in step with the module': ({ inSync }) => inSync },
};

/** The measurement registers in sysfs, Linux 6.16 and later. */
export const tdxMeasurementSubsystem: Subsystem<
  measurement.MeasurementState,
  measurement.MeasurementOperation,
  measurement.MeasurementOutcome,
  driver.Setup
> = {
  model: measurement.model,
  title: 'the measurement registers of a TD in sysfs',
  defaultRevision: 'linux-7.0',
  targets: () => [],
  nothingReal: 'no kernel since 6.16 with the guest driver was recorded',
  explorations: [REGISTERS_WORLD],
};

const REQUEST = qgs.frame(
  qgs.encodeMessage({
    kind: 'get-quote-request',
    minorVersion: 1,
    report: tdx.report(driver.tdNamed('platform'), new Uint8Array(64).fill(7)).report,
    idList: [],
  }),
);

const SERVICE_WORLD: Exploration<qgs.QgsState, qgs.QgsOperation, qgs.Setup> = {
  name: 'service',
  sentence: 'a request as it should be, cut, and of another type, with and without an enclave',
  setups: [{ platform: 'platform', pkiSeed: 'TEST' }],
  operations: () => [
    { op: 'send', bytes: REQUEST },
    { op: 'send', bytes: REQUEST.slice(0, 40) },
    { op: 'send', bytes: REQUEST.with(8, 1) },
    { op: 'set-enclave', loaded: false },
    { op: 'set-enclave', loaded: true },
  ],
  defaultDepth: 3,
  sometimes: { 'no enclave': ({ enclave }) => !enclave },
};

/** The quote generation service. */
export const tdxQgsSubsystem: Subsystem<qgs.QgsState, qgs.QgsOperation, qgs.QgsOutcome, qgs.Setup> =
  {
    model: qgs.model,
    title: 'the quote generation service: its messages, its enclave',
    defaultRevision: 'qgs-1.1',
    targets: () => [],
    nothingReal: 'the service needs SGX, and its message library is no package of Debian',
    explorations: [SERVICE_WORLD],
  };

const SESSIONS_WORLD: Exploration<
  keyServer.KeyServerState,
  keyServer.KeyServerOperation,
  keyServer.Setup
> = {
  name: 'attacks',
  sentence: 'a key server, an honest TD, and every attack on one session after the other',
  setups: [{ name: 'world', policy: 'strict', collateral: 'current', nonceLifetime: 60 }],
  operations: ({ sessions }) => [
    ...(sessions.length < 2 ? [{ op: 'challenge' } as const] : []),
    ...sessions.flatMap((_, session) =>
      keyServer.ATTACKS.map(
        ({ evidence }) =>
          ({
            op: 'submit',
            session,
            evidence: { ...keyServer.HONEST, nonceOf: session, ...evidence },
          }) as const,
      ),
    ),
    { op: 'pass-time', seconds: 61 },
  ],
  defaultDepth: 3,
  sometimes: { 'a key that was released': ({ released }) => released.length > 0 },
};

/** The key server. */
export const tdxKeyServerSubsystem: Subsystem<
  keyServer.KeyServerState,
  keyServer.KeyServerOperation,
  keyServer.KeyServerOutcome,
  keyServer.Setup
> = {
  model: keyServer.keyServerModel(nodeSignatureBackend),
  title: 'a key server that releases a disk key to an attested TD',
  defaultRevision: 'key-server-1',
  targets: () => [],
  nothingReal:
    'the protocol is this project’s own; its verifier is compared as tdx-attest.verifier',
  explorations: [SESSIONS_WORLD],
};

const tdcall = (leaf: number, registers: tdx.Registers = {}): tdx.Operation => ({
  op: 'tdcall',
  registers: { ...registers, rax: BigInt(leaf) },
  cpl: 0,
  longMode: true,
  interruptPending: false,
  reply: {},
});

const LIFE_WORLD: Exploration<tdx.TdState, tdx.Operation, tdx.Setup> = {
  name: 'life',
  sentence: 'a TD from its first page to a report and an extended register',
  setups: [
    {
      platform: driver.platformNamed('platform'),
      module: tdx.moduleOf(driver.PLATFORM_TEE_TCB_SVN),
    },
  ],
  operations: ({ phase }) =>
    phase === 'running'
      ? [
          tdcall(tdx.TDCALL_LEAF['TDG.VP.INFO']),
          tdcall(tdx.TDCALL_LEAF['TDG.MR.REPORT'], { rcx: 0n, rdx: 0x400n }),
          tdcall(tdx.TDCALL_LEAF['TDG.MR.RTMR.EXTEND'], { rcx: 0n, rdx: 0n }),
          tdcall(tdx.TDCALL_LEAF['TDG.MR.RTMR.EXTEND'], { rcx: 0n, rdx: 4n }),
        ]
      : [
          { op: 'mng-init', params: tdx.DEFAULT_TD_PARAMS },
          { op: 'page-add', gpa: 0n, content: DIGEST },
          { op: 'mr-extend', gpa: 0n },
          { op: 'vp-init' },
          { op: 'mr-finalize' },
        ],
  defaultDepth: 7,
  sometimes: { 'a TD that runs': ({ phase }) => phase === 'running' },
};

/** The TDX module and the CPU's report machinery. */
export const tdxModuleSubsystem: Subsystem<tdx.TdState, tdx.Operation, tdx.Outcome, tdx.Setup> = {
  model: tdx.model,
  title: 'the TDX module as a TD and its host see it',
  defaultRevision: 'tdx-module-1.5.01',
  targets: () => [],
  nothingReal: 'it takes a CPU with TDX; a genuine TDREPORT is compared by the tests alone',
  explorations: [LIFE_WORLD],
};
