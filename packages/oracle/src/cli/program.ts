// SPDX-License-Identifier: MIT
import { Command, CommanderError } from 'commander';
import { TraceError } from '@kernel-models/model-core';
import { BISECT_EXIT, EXIT, UsageError, type ExitCodes } from '../exit-code.ts';
import { checkCommand } from './commands/check.ts';
import { diffCommand } from './commands/diff.ts';
import { explainCommand } from './commands/explain.ts';
import { exploreCommand } from './commands/explore.ts';
import { fuzzCommand } from './commands/fuzz.ts';
import { modelsCommand } from './commands/models.ts';
import { recordCommand } from './commands/record.ts';
import { replayCommand } from './commands/replay.ts';
import { shrinkCommand } from './commands/shrink.ts';
import { traceCommand } from './commands/trace.ts';
import { whichCommand } from './commands/which.ts';
import { SUBSYSTEM_COMMANDS } from './subsystem-commands.ts';
import type { CommandIo } from './io.ts';

/** Adds a command to the program. What it resolves to is the process's exit code. */
export type AddCommand = (program: Command, run: CommandRunner) => void;

/** Wraps a command's action, so that its exit code reaches the caller. */
export type CommandRunner = (action: (io: CommandIo) => Promise<number>) => Promise<void>;

const EXIT_CODES_HELP = `
Exit codes: 0 agree, 1 diverge, 2 usage or malformed input, 3 inconclusive, 130 interrupted.`;

/**
 * Runs the command line.
 *
 * @param args without the interpreter and the script
 * @returns the exit code
 */
export async function runCli(
  args: readonly string[],
  io: CommandIo,
  version: string,
): Promise<number> {
  const codes: ExitCodes = args.includes('--bisect') ? BISECT_EXIT : EXIT;
  let exitCode = codes.agree;
  const program = new Command('kernel-oracle')
    .description('What should the kernel have answered? Holds models of it against real kernels.')
    .version(version)
    .addHelpText('after', EXIT_CODES_HELP)
    .showHelpAfterError('(kernel-oracle --help says more)')
    .configureOutput({ writeOut: io.out, writeErr: (text) => io.err(text.trimEnd()) })
    .exitOverride();
  const run: CommandRunner = async (action) => {
    exitCode = await action(io);
  };
  const commands = [
    checkCommand,
    fuzzCommand,
    recordCommand,
    replayCommand,
    shrinkCommand,
    explainCommand,
    exploreCommand,
    whichCommand,
    diffCommand,
    traceCommand,
    modelsCommand,
    ...SUBSYSTEM_COMMANDS,
  ];
  for (const add of commands) add(program, run);
  for (const command of program.commands) {
    command.exitOverride().configureOutput({
      writeOut: io.out,
      writeErr: (text) => io.err(text.trimEnd()),
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : codes.usage;
    if (error instanceof UsageError || error instanceof TraceError) {
      io.err(`kernel-oracle: ${error.message}`);
      return codes.usage;
    }
    // A defect of this program says nothing of a kernel. Node's own exit code would be `diverge`.
    io.err(
      `kernel-oracle: internal error: ${error instanceof Error ? error.stack : String(error)}`,
    );
    return codes.inconclusive;
  }
}
