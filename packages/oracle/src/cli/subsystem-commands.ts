// SPDX-License-Identifier: MIT
import type { AddCommand } from './program.ts';

/** Commands of single subsystems: `maps`, `cfi`, `quote`. */
export const SUBSYSTEM_COMMANDS: readonly AddCommand[] = [];
