// SPDX-License-Identifier: MIT
import { Option } from 'commander';
import { UsageError } from '../exit-code.ts';
import type { TargetOptions } from '../subsystem.ts';

/** The seed of a check, so that two runs on one kernel do the same. */
export const DEFAULT_SEED = 20_240_704;

/** Reads a whole number from the command line. */
export function wholeNumber(name: string, min: number = 0): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < min || text.trim() === '') {
      throw new UsageError(`${name}: expected a whole number from ${min}, got ${text}`);
    }
    return value;
  };
}

/** `--json`. */
export const jsonOption = (): Option =>
  new Option('--json', 'print the result as JSON (docs/json-output.md has its schema)');

/** `--revision`: what a command does with it, and which it takes where none is named. */
export const revisionOption = (does: string, otherwise: string): Option =>
  new Option('--revision <id>', `${does}; default: ${otherwise}`);

/** Which revision a command on a trace takes where none is named. */
export const REVISION_OF_TRACE = 'the one that the trace names, else the newest';

/** `--seed`. */
export const seedOption = (): Option =>
  new Option('--seed <n>', 'seed of the generated cases')
    .argParser(wholeNumber('--seed'))
    .default(DEFAULT_SEED);

/** The options that say how to reach a target. */
export function targetOptions(): readonly Option[] {
  return [
    new Option('--via <command>', "reach the probe through a shell command, such as 'ssh vm'"),
    new Option('--kernel <image>', 'boot this kernel image under qemu with the probe as its init'),
    new Option('--kernel-source <folder>', 'a kernel source tree, to build a part of it'),
    new Option('--host-visible', 'allow what other users of this host can see while it runs'),
  ];
}

/** What {@link targetOptions} parsed. */
export function pickTargetOptions(options: TargetOptions): TargetOptions {
  return {
    ...(options.via !== undefined && { via: options.via }),
    ...(options.kernel !== undefined && { kernel: options.kernel }),
    ...(options.kernelSource !== undefined && { kernelSource: options.kernelSource }),
    ...(options.hostVisible !== undefined && { hostVisible: options.hostVisible }),
  };
}
