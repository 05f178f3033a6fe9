// SPDX-License-Identifier: MIT
import {
  buildTd,
  moduleOf,
  platformOf,
  type Platform,
  type TdState,
} from '@kernel-models/hw-model/tdx';
import { asciiBytes } from '../bytes.ts';
import type { DriverState } from './state.ts';

/** The world before the driver is loaded. */
export interface Setup {
  /** Whether the kernel runs in a TD: X86_FEATURE_TDX_GUEST. */
  readonly tdxGuest: boolean;
  /** Whether somebody else has registered a misc device of the driver's name. */
  readonly nameTaken: boolean;
  /** Name of the platform. Equal names have equal report keys. */
  readonly platform: string;
}

/** A TD, and nothing in the driver's way. */
export const DEFAULT_SETUP: Setup = Object.freeze({
  tdxGuest: true,
  nameTaken: false,
  platform: 'platform',
});

/** CPUSVN of the modelled platforms. */
export const PLATFORM_CPUSVN: Uint8Array = new Uint8Array(16).fill(5);

/** TEE_TCB_SVN of the modelled platforms: SVN 5 of module version 1, loader 2. */
export const PLATFORM_TEE_TCB_SVN: Uint8Array = Uint8Array.of(5, 1, 2, ...new Uint8Array(13));

/** The platform of a name. */
export function platformNamed(name: string): Platform {
  return platformOf(name, PLATFORM_CPUSVN);
}

/**
 * A running TD.
 *
 * @param image what its one page holds, ASCII: another image, another MRTD
 */
export function tdNamed(
  platform: string,
  image: string = 'kernel',
  attributes: bigint = 1n << 28n,
): TdState {
  const setup = { platform: platformNamed(platform), module: moduleOf(PLATFORM_TEE_TCB_SVN) };
  return buildTd(setup, { params: { attributes }, pages: [asciiBytes(image)] });
}

/** The first state. */
export function initial({ tdxGuest, nameTaken, platform }: Setup): DriverState {
  return {
    tdxGuest,
    nameTaken,
    td: tdNamed(platform),
    tdcallStatus: 0n,
    loaded: false,
    pdev: false,
    bound: false,
    node: false,
    reportBuffer: null,
  };
}
