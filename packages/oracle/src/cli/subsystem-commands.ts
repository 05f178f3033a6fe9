// SPDX-License-Identifier: MIT
import { quoteCommand } from '../tdx-attest/commands.ts';
import type { AddCommand } from './program.ts';

/** Commands of single subsystems: `maps`, `cfi`, `quote`. */
export const SUBSYSTEM_COMMANDS: readonly AddCommand[] = [quoteCommand];
