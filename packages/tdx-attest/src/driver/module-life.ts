// SPDX-License-Identifier: MIT
import { TDREPORT_SIZE, REPORTDATA_SIZE } from '@kernel-models/hw-model/tdx';
import type { Features } from '../revisions.ts';
import { inOrder } from '../trails.ts';
import type { DriverOperation } from './operation.ts';
import type { DriverRule } from './rules.ts';
import type { DriverState } from './state.ts';
import { refuse, step, SUCCESS, type DriverStep } from './step.ts';
import { mcallGetReport0 } from './tdreport.ts';

/* Loading and unloading, and the binding of the posting's platform device. */

type Load = Extract<DriverOperation, { readonly op: 'load' }>;

const PLATFORM_DRIVER_ORDER = inOrder<DriverRule>(
  'load.loaded',
  'load.no-tdx',
  'load.platform-driver',
  'load.platform-device',
  'load.probe-failed',
  'load.success',
);

/**
 * insmod of the posting. Probe runs within the registration of the device, and the registration
 * does not tell what became of it. Mirrors tdx_attest_init() and tdx_attest_probe().
 */
function loadPlatformDriver(
  state: DriverState,
  { fails, tdcallStatus = 0n }: Load,
  features: Features,
): DriverStep {
  const before = PLATFORM_DRIVER_ORDER;
  if (!state.tdxGuest) {
    return refuse(state, features.withoutTdx, 'load.no-tdx', before('load.no-tdx'));
  }
  if (fails === 'platform-driver') {
    return refuse(state, 'ENOMEM', 'load.platform-driver', before('load.platform-driver'));
  }
  if (fails === 'platform-device') {
    return refuse(state, 'ENOMEM', 'load.platform-device', before('load.platform-device'));
  }
  const loaded = { ...state, loaded: true, tdcallStatus };
  const probed = probe(loaded, fails === 'misc-register', features);
  if (probed.outcome.kind === 'value') {
    return step(probed.state, SUCCESS, 'load.success', before('load.success'));
  }
  if (features.loadSeesProbe) {
    return { ...probed, state, rule: 'load.probe-failed', trail: before('load.probe-failed') };
  }
  const { outcome } = probed;
  const log = outcome.kind === 'errno' ? outcome.log : undefined;
  return step(
    probed.state,
    { ...SUCCESS, ...(log !== undefined && { log }) },
    'load.probe-failed',
    before('load.probe-failed'),
  );
}

const DEREGISTER_WARNING = 'WARNING: misc_deregister() of a device that is not registered';

/** Mirrors tdx_attest_probe() of the posting. */
function probe(state: DriverState, registerFails: boolean, features: Features): DriverStep {
  const before = BIND_ORDER;
  if (state.pdev) {
    return refuse(state, 'EBUSY', 'bind.second-device', before('bind.second-device'));
  }
  const claimed = { ...state, pdev: true };
  if (registerFails || state.nameTaken) {
    const errno = state.nameTaken ? 'EEXIST' : 'ENOMEM';
    const log = features.deregistersUnregistered ? { log: [DEREGISTER_WARNING] } : {};
    const after = features.clearsPdev ? state : claimed;
    const trail = before('bind.misc-register');
    return step(after, { kind: 'errno', errno, ...log }, 'bind.misc-register', trail);
  }
  const bound = { ...claimed, bound: true, node: true };
  return step(bound, SUCCESS, 'bind.success', before('bind.success'));
}

const MISC_ORDER = inOrder<DriverRule>(
  'load.loaded',
  'load.no-tdx',
  'load.measurements',
  'load.misc-register',
  'load.quote-buffer',
  'load.report-provider',
  'load.success',
);

/** insmod since Linux 6.2. What was done is undone where a step fails. Mirrors tdx_guest_init(). */
function loadMiscDevice(
  state: DriverState,
  { fails, tdcallStatus = 0n }: Load,
  features: Features,
): DriverStep {
  const before = MISC_ORDER;
  const fresh = { ...state, tdcallStatus };
  if (!state.tdxGuest) {
    return refuse(state, features.withoutTdx, 'load.no-tdx', before('load.no-tdx'));
  }
  let reportBuffer: Uint8Array | null = null;
  if (features.measurements) {
    const first = mcallGetReport0(fresh, new Uint8Array(REPORTDATA_SIZE), features);
    if (first.kind === 'error') {
      return refuse(state, first.errno, 'load.measurements', before('load.measurements'));
    }
    reportBuffer = first.kind === 'report' ? first.report : new Uint8Array(TDREPORT_SIZE);
  }
  if (fails === 'misc-register' || state.nameTaken) {
    const errno = state.nameTaken ? 'EEXIST' : 'ENOMEM';
    return refuse(state, errno, 'load.misc-register', before('load.misc-register'));
  }
  if (features.tsm && fails === 'quote-buffer') {
    return refuse(state, 'ENOMEM', 'load.quote-buffer', before('load.quote-buffer'));
  }
  if (features.tsm && fails === 'report-provider') {
    return refuse(state, 'EBUSY', 'load.report-provider', before('load.report-provider'));
  }
  const loaded = { ...fresh, loaded: true, node: true, reportBuffer };
  return step(loaded, SUCCESS, 'load.success', before('load.success'));
}

/** insmod. */
export function load(state: DriverState, operation: Load, features: Features): DriverStep {
  if (state.loaded) return refuse(state, 'EEXIST', 'load.loaded');
  return features.registration === 'platform-driver'
    ? loadPlatformDriver(state, operation, features)
    : loadMiscDevice(state, operation, features);
}

/** rmmod: a module's static memory goes with it. Mirrors tdx_attest_exit() and tdx_guest_exit(). */
export function unload(state: DriverState): DriverStep {
  if (!state.loaded) return refuse(state, 'ENOENT', 'unload.not-loaded');
  const unloaded = { loaded: false, pdev: false, bound: false, node: false, reportBuffer: null };
  return step({ ...state, ...unloaded }, SUCCESS, 'unload.success', UNLOAD_TRAIL);
}

const UNLOAD_TRAIL = Object.freeze(['unload.not-loaded']);

const BIND_ORDER = inOrder<DriverRule>(
  'bind.no-driver',
  'bind.bound',
  'bind.second-device',
  'bind.misc-register',
  'bind.success',
);

/** A write to the bind file. */
export function bind(state: DriverState, features: Features): DriverStep {
  if (!state.loaded || features.registration === 'misc') {
    return refuse(state, 'ENOENT', 'bind.no-driver');
  }
  if (state.bound) return refuse(state, 'EBUSY', 'bind.bound', BIND_ORDER('bind.bound'));
  return probe(state, false, features);
}

const UNBIND_ORDER = inOrder<DriverRule>('unbind.no-driver', 'unbind.not-bound', 'unbind.success');

/** A write to the unbind file. Mirrors tdx_attest_remove() of the posting. */
export function unbind(state: DriverState, features: Features): DriverStep {
  const before = UNBIND_ORDER;
  if (!state.loaded || features.registration === 'misc') {
    return refuse(state, 'ENOENT', 'unbind.no-driver');
  }
  if (!state.bound) {
    return refuse(state, 'ENODEV', 'unbind.not-bound', before('unbind.not-bound'));
  }
  const removed = { ...state, bound: false, node: false, pdev: !features.clearsPdev };
  return step(removed, SUCCESS, 'unbind.success', before('unbind.success'));
}
