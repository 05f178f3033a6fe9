// SPDX-License-Identifier: MIT
import { readFileSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import {
  bpfCfi,
  CSyntaxError,
  execute,
  fromHex,
  kcfiTypeIds,
  KERNEL_TYPES,
  reportText,
  scenario,
  toHex,
  trace,
  type Scenario,
  type TraceLine,
} from '@kernel-models/bpf-cfi';
import { disassemble } from '@kernel-models/hw-model/instructions';
import { DecodeError, formatHex, type Json } from '@kernel-models/model-core';
import type { CommandIo } from '../cli/io.ts';
import { jsonOption, revisionOption } from '../cli/options.ts';
import type { AddCommand } from '../cli/program.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../report/check-json.ts';
import { formatTable } from '../report/table.ts';
import { readTraceFile } from '../recordings.ts';
import { revisionOf } from '../subsystems.ts';
import { SCENARIOS } from './scenarios.ts';
import { bpfCfiSubsystem } from './subsystem.ts';

/** `kernel-oracle cfi`: type ids, images and calls, without a kernel. */
export const cfiCommand: AddCommand = (program, run) => {
  const cfi = program.command('cfi').description('kCFI type ids, images, and calls executed');
  addHash(cfi, run);
  addDisasm(cfi, run);
  addRun(cfi, run);
};

type Runner = Parameters<AddCommand>[1];

interface HashFlags {
  readonly localTags?: boolean;
  readonly normalizeIntegers?: boolean;
  readonly json?: boolean;
}

function addHash(cfi: Command, run: Runner): void {
  cfi
    .command('hash <prototype>')
    .description("the kCFI type id of a prototype: 'u32 ssthresh(struct sock *)'")
    .option('--local-tags', 'a tag first met in a parameter list is local to it, as C has it')
    .option('--normalize-integers', 'as CONFIG_CFI_ICALL_NORMALIZE_INTEGERS builds')
    .addOption(jsonOption())
    .action((source: string, flags: HashFlags) => run(async (io) => runHash(io, source, flags)));
}

function runHash(io: CommandIo, source: string, flags: HashFlags): number {
  // The kernel's typedefs stand on a line of their own, so that columns are those of the argument.
  const prelude = `${KERNEL_TYPES.replaceAll('\n', ' ')}\n`;
  const complete = /[;}]\s*$/.test(source) ? source : `${source};`;
  const all = asUsage('prototype', () =>
    kcfiTypeIds(prelude + complete, {
      fileTags: flags.localTags !== true,
      normalizeIntegers: flags.normalizeIntegers === true,
      unsignedChar: true,
    }),
  );
  if (all.length === 0) throw new UsageError('prototype: expected one of a function, got none');
  if (flags.json === true) {
    const types = all.map((one) => ({ ...one, id: hexId(one.id) }));
    io.out(`${JSON.stringify({ version: JSON_OUTPUT_VERSION, types }, null, 2)}\n`);
    return EXIT.agree;
  }
  const rows = all.map(({ name, id, mangled, unstable, checked }) => [
    name,
    hexId(id),
    mangled,
    [
      ...(unstable === undefined ? [] : [`unstable: ${unstable}`]),
      ...(checked ? [] : ['calls unchecked']),
    ].join('; '),
  ]);
  const columns = ['name', 'type id', 'mangled type', 'note'].map((title) => ({ title }));
  io.out(`${formatTable(columns, rows)}\n`);
  return EXIT.agree;
}

function hexId(id: number): string {
  return `0x${id.toString(16).padStart(8, '0')}`;
}

/** What a person typed wrong, in one line; lines are counted from the argument's own. */
function asUsage<Value>(what: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof CSyntaxError) {
      const message = error.message.replace(/^line \d+/, `line ${Math.max(1, error.line - 1)}`);
      throw new UsageError(`${what}: ${message}`);
    }
    if (error instanceof RangeError || error instanceof DecodeError) {
      throw new UsageError(`${what}: ${error.message}`);
    }
    throw error;
  }
}

function addDisasm(cfi: Command, run: Runner): void {
  cfi
    .command('disasm <image>')
    .description('lists code: hexadecimal digits, or a file of raw bytes')
    .option('--address <address>', 'where it lies', '0x0')
    .addOption(jsonOption())
    .action((image: string, flags: DisasmFlags) => run(async (io) => runDisasm(io, image, flags)));
}

interface DisasmFlags {
  readonly address: string;
  readonly json?: boolean;
}

function runDisasm(io: CommandIo, image: string, flags: DisasmFlags): number {
  const { address: addressText, json } = flags;
  if (!/^0x[0-9a-f]{1,16}$/i.test(addressText)) {
    throw new UsageError(`--address: expected a 0x… number of 64 bits, got ${addressText}`);
  }
  const lines = disassemble(imageBytes(image), BigInt(addressText)).map(
    ({ address, bytes, text, decoded }) => ({
      address: address.toString(16).padStart(16, '0'),
      bytes: toHex(bytes),
      text,
      decoded: decoded.kind === 'instruction',
    }),
  );
  if (json === true) {
    const instructions = lines.map((line) => ({ ...line, address: `0x${line.address}` }));
    io.out(`${JSON.stringify({ version: JSON_OUTPUT_VERSION, instructions }, null, 2)}\n`);
  } else {
    for (const { address, bytes, text } of lines) {
      io.out(`${address}  ${bytes.padEnd(24)}  ${text}\n`);
    }
  }
  return lines.every(({ decoded }) => decoded) ? EXIT.agree : EXIT.inconclusive;
}

function imageBytes(image: string): Uint8Array {
  if (/^(?:[0-9a-fA-F]{2}\s*)+$/.test(image)) return fromHex(image);
  const refuse = (what: string): never => {
    throw new UsageError(`image: expected hexadecimal digits or a file, got ${image} (${what})`);
  };
  try {
    const file = statSync(image);
    if (!file.isFile()) return refuse('no regular file');
    if (file.size > MAX_IMAGE) return refuse(`${file.size} bytes; at most ${MAX_IMAGE} are listed`);
    return readFileSync(image);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return refuse(error instanceof Error ? error.message : String(error));
  }
}

/** Bytes of the largest file that is listed: 1 MiB. */
const MAX_IMAGE = 0x10_0000;

function addRun(cfi: Command, run: Runner): void {
  const known = SCENARIOS.map(({ name }) => name).join(', ');
  cfi
    .command('run <scenario>')
    .description(
      `executes a call one instruction at a time: ${known}, or a trace that ends in a call`,
    )
    .addOption(revisionOption('the revision that builds and calls', 'the scenario’s own'))
    .addOption(jsonOption())
    .action((name: string, flags: RunFlags) => run(async (io) => runScenario(io, name, flags)));
}

interface RunFlags {
  readonly revision?: string;
  readonly json?: boolean;
}

function runScenario(io: CommandIo, name: string, flags: RunFlags): number {
  const { made, revision } = makeScenario(name, flags.revision);
  const lines = trace(made);
  const endless = lines.at(-1)?.event === undefined;
  const shown = endless ? lines.slice(0, SHOWN_OF_RUNAWAY) : lines;
  if (flags.json === true) {
    io.out(`${JSON.stringify(runJson(made, { name, revision, lines: shown }), null, 2)}\n`);
    return EXIT.agree;
  }
  io.out(`${revision}: ${name}\n\n`);
  const columns = ['where', 'bytes', 'instruction', 'rax', 'r10', 'r11', 'tracker'];
  const rows = shown.map(({ symbol, bytes, text, registers, tracker, event }) => [
    symbol,
    toHex(bytes),
    event?.kind === 'exception' ? `${text}   <- #${VECTORS[event.vector] ?? event.vector}` : text,
    ...[registers.rax, registers.r10, registers.r11].map((value) => value.toString(16)),
    tracker,
  ]);
  io.out(
    `${formatTable(
      columns.map((title) => ({ title })),
      rows,
    )}\n\n`,
  );
  const { trap, value, reports, retired, seen, runaway } = execute(made);
  for (const failure of reports) io.out(`${reportText(made, failure, failure.rip)}\n`);
  for (const one of seen) io.out(`${one.program} saw 0x${one.value.toString(16)}\n`);
  if (runaway !== null) {
    io.out(`still running at 0x${runaway.toString(16)} after ${retired} instructions\n`);
    return EXIT.agree;
  }
  io.out(
    trap === null
      ? `returned 0x${(value ?? 0n).toString(16)} after ${retired} instructions\n`
      : `#${trap.vector} at the ${trap.place} after ${retired} instructions\n`,
  );
  return EXIT.agree;
}

function runJson(
  made: Scenario,
  facts: { readonly name: string; readonly revision: string; readonly lines: readonly TraceLine[] },
): Json {
  const { trap, value, reports, retired, seen, runaway } = execute(made);
  return {
    version: JSON_OUTPUT_VERSION,
    scenario: facts.name,
    revision: facts.revision,
    steps: facts.lines.map(({ address, symbol, bytes, text, registers, tracker, event }) => ({
      address: formatHex(address),
      symbol,
      bytes: toHex(bytes),
      text,
      rax: formatHex(registers.rax),
      r10: formatHex(registers.r10),
      r11: formatHex(registers.r11),
      tracker,
      exception: event?.kind === 'exception' ? event.vector : null,
    })),
    reports: reports.map((failure) => reportText(made, failure, failure.rip)),
    seen: seen.map((one) => ({ program: one.program, value: formatHex(one.value) })),
    retired,
    runaway: runaway === null ? null : formatHex(runaway),
    trap: trap === null ? null : { vector: trap.vector, place: trap.place },
    returned: value === undefined ? null : formatHex(value),
  };
}

/** Lines of a listing that has no end. */
const SHOWN_OF_RUNAWAY = 40;

const VECTORS: Readonly<Record<number, string>> = {
  3: 'BP',
  6: 'UD',
  13: 'GP',
  14: 'PF',
  21: 'CP',
};

function makeScenario(
  name: string,
  wanted: string | undefined,
): { readonly made: Scenario; readonly revision: string } {
  const known = SCENARIOS.find((one) => one.name === name);
  const { setup, operations, revision } = known ?? readScenario(name);
  const used = wanted ?? revision;
  revisionOf(bpfCfiSubsystem, used);
  let state = bpfCfi.initial(setup);
  for (const operation of operations.slice(0, -1))
    state = bpfCfi.apply(state, operation, used).state;
  const last = operations.at(-1);
  const made = last && scenario(state, last, used);
  if (made === undefined) {
    throw new UsageError(`scenario: expected ${name} to end in a call that is made`);
  }
  return { made, revision: used };
}

function readScenario(path: string): (typeof SCENARIOS)[number] {
  for (const one of readTraceFile(path, (model) =>
    model === bpfCfi.name ? bpfCfi.codec : undefined,
  )) {
    const { codec } = bpfCfi;
    const operations = one.events.map(({ operation }) =>
      codec.decodeOperation(codec.encodeOperation(operation as never)),
    );
    const setup = codec.decodeSetup(codec.encodeSetup(one.setup as never));
    return { name: path, sentence: '', setup, operations, revision: one.revision ?? 'linux-6.18' };
  }
  const known = SCENARIOS.map(({ name }) => name).join(', ');
  throw new UsageError(
    `scenario: expected ${known}, or a file with a trace of bpf-cfi, got ${path}`,
  );
}
