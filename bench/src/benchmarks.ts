// SPDX-License-Identifier: MIT
import type { Benchmark } from './benchmark.ts';
import { bpfCfiSpeed } from './bpf-cfi/speed.ts';
import { crPinningSpeed } from './cr-pinning/speed.ts';
import { execCheckSpeed } from './exec-check/speed.ts';
import { mapleTreeSpeed } from './maple-tree/speed.ts';
import { mmSpeed } from './mm/speed.ts';
import { tdxAttestSpeed } from './tdx-attest/speed.ts';

/** Every benchmark, in the order in which they run. */
export const BENCHMARKS: readonly Benchmark[] = [
  execCheckSpeed,
  mapleTreeSpeed,
  mmSpeed,
  crPinningSpeed,
  bpfCfiSpeed,
  tdxAttestSpeed,
];
