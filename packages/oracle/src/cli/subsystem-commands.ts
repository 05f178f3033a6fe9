// SPDX-License-Identifier: MIT
import { cfiCommand } from '../bpf-cfi/commands.ts';
import { pinningCommand } from '../cr-pinning/commands.ts';
import { mapsCommand } from '../mm/commands.ts';
import { quoteCommand } from '../tdx-attest/commands.ts';
import type { AddCommand } from './program.ts';

/** Commands of single subsystems: `cfi`, `maps`, `pinning`, `quote`. */
export const SUBSYSTEM_COMMANDS: readonly AddCommand[] = [
  cfiCommand,
  mapsCommand,
  pinningCommand,
  quoteCommand,
];
