// SPDX-License-Identifier: MIT
import {
  bpfCfi,
  type Operation,
  type Outcome,
  type Setup,
  type State,
} from '@kernel-models/bpf-cfi';
import type { Subsystem } from '../subsystem.ts';
import { bpfCases } from './bpf-cases.ts';
import { bpfTargets } from './bpf-targets.ts';
import { callsWorld, registrationWorld } from './worlds.ts';

/** BPF under control-flow integrity, held against running kernels. */
export const bpfCfiSubsystem: Subsystem<State, Operation, Outcome, Setup> = {
  model: bpfCfi,
  title: 'BPF programs and struct_ops trampolines under kCFI and FineIBT',
  defaultRevision: 'linux-6.18',
  cases: (_, worlds) => bpfCases(worlds),
  targets: bpfTargets,
  explorations: [callsWorld, registrationWorld],
};
