// SPDX-License-Identifier: MIT
import { sha384 } from '@noble/hashes/sha2.js';
import { tagged } from './bytes.ts';
import { DIGEST_SIZE, RTMR_COUNT } from './constants.ts';
import type { Platform } from './platform.ts';
import type { ModuleIdentity } from './report.ts';
import type { TdState } from './state.ts';
import type { TdParams } from './td-params.ts';

/** The platform and the module, before there is a TD. */
export interface Setup {
  readonly platform: Platform;
  readonly module: ModuleIdentity;
}

/** A platform whose key is made from a name: equal names, equal platforms. */
export function platformOf(name: string, cpuSvn: Uint8Array = new Uint8Array(16)): Platform {
  return {
    reportKey: sha384(tagged(`report key of ${name}`, 64)).slice(0, 32),
    cpuSvn: cpuSvn.slice(),
  };
}

/** An Intel-signed module of the given TEE_TCB_SVN, not updated since boot. */
export function moduleOf(teeTcbSvn: Uint8Array): ModuleIdentity {
  return {
    teeTcbSvn: teeTcbSvn.slice(),
    teeTcbSvn2: teeTcbSvn.slice(),
    mrSeam: sha384(teeTcbSvn),
    mrSignerSeam: new Uint8Array(DIGEST_SIZE),
    attributes: 0n,
  };
}

/** The TD_PARAMS that a host gives where it asks for nothing special. */
export const DEFAULT_TD_PARAMS: TdParams = Object.freeze({
  attributes: 0n,
  xfam: 0x602e7n,
  gpaw: 48,
  noRbpMod: false,
  mrConfigId: new Uint8Array(DIGEST_SIZE),
  mrOwner: new Uint8Array(DIGEST_SIZE),
  mrOwnerConfig: new Uint8Array(DIGEST_SIZE),
});

/** The world before TDH.MNG.INIT. */
export function initial({ platform, module }: Setup): TdState {
  const zero = new Uint8Array(DIGEST_SIZE);
  return {
    platform: { reportKey: platform.reportKey.slice(), cpuSvn: platform.cpuSvn.slice() },
    module: {
      teeTcbSvn: module.teeTcbSvn.slice(),
      teeTcbSvn2: module.teeTcbSvn2.slice(),
      mrSeam: module.mrSeam.slice(),
      mrSignerSeam: module.mrSignerSeam.slice(),
      attributes: module.attributes,
    },
    phase: 'uninitialised',
    params: DEFAULT_TD_PARAMS,
    measurements: {
      mrTd: zero,
      rtmr: Array.from({ length: RTMR_COUNT }, () => zero),
      servtdHash: zero,
    },
    buildLog: [],
    vcpuCount: 0,
    sept: {},
    privateFrames: {},
    sharedFrames: {},
    teeInfoHash: null,
    rtmrLocked: false,
    lockedEntry: null,
    veInfo: null,
  };
}
