// SPDX-License-Identifier: MIT
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Option } from 'commander';
import { report } from '@kernel-models/hw-model/tdx';
import {
  driver,
  keyServer,
  quote,
  quotingEnclave,
  testPki,
  verify,
} from '@kernel-models/tdx-attest';
import type { CommandIo } from '../cli/io.ts';
import { jsonOption } from '../cli/options.ts';
import type { AddCommand } from '../cli/program.ts';
import { EXIT, UsageError } from '../exit-code.ts';
import { JSON_OUTPUT_VERSION } from '../report/check-json.ts';
import { formatTable } from '../report/table.ts';
import { revisionOf } from '../subsystems.ts';
import { encodeCollateral, encodeRoot, readCollateralFolder } from './collateral-folder.ts';
import { nodeSignatureBackend } from './node-signature-backend.ts';
import { tdxKeyServerSubsystem } from './unrecorded.ts';
import { fieldLines, looksLikeTdReport, quoteFields, verdictLines } from './quote-text.ts';

/** `kernel-oracle quote`: what a TDX quote says, whether it is genuine, TEST quotes, attacks. */
export const quoteCommand: AddCommand = (program, run) => {
  const command = program
    .command('quote')
    .description('inspect, verify, issue and attack TDX quotes');
  command
    .command('inspect <file>')
    .description('print the fields of a quote')
    .addOption(jsonOption())
    .action((file: string, flags: { readonly json?: boolean }) =>
      run((io) => Promise.resolve(inspect(io, file, flags.json === true))),
    );
  command
    .command('verify <file>')
    .description('verify a quote offline; exit code 0 accepted, 1 refused')
    .requiredOption('--collateral <folder>', 'one *.json of collateral, and the root as one *.pem')
    .requiredOption('--time <t>', 'when: 2025-07-01T00:00:00Z, or seconds since 1970')
    .addOption(
      new Option('--status <status...>', 'TCB statuses that are good enough')
        .choices(verify.TCB_STATUSES)
        .default(['UpToDate']),
    )
    .option('--allow-debug', 'take a TD that its host may debug')
    .option('--report-data <hex>', 'the REPORTDATA that the quote must carry, 64 bytes')
    .addOption(jsonOption())
    .action((file: string, flags: VerifyFlags) =>
      run((io) => Promise.resolve(verifyFile(io, file, flags))),
    );
  command
    .command('issue <folder>')
    .description('write a TEST quote, its TEST collateral and its TEST root to a folder')
    .addOption(new Option('--format <format>', 'version and body').choices(FORMATS).default('v4'))
    .option('--report-data <hex>', 'the REPORTDATA, up to 64 bytes; zero behind', '')
    .option('--seed <text>', 'seed of the TEST keys', 'TEST')
    .action((folder: string, flags: IssueFlags) =>
      run((io) => Promise.resolve(issue(io, folder, flags))),
    );
  command
    .command('matrix')
    .description('try every attack on the key server under every policy; print what said no')
    .addOption(
      new Option(
        '--revision <id>',
        'a key server, or a bug of one: `kernel-oracle models tdx-attest.key-server` lists them',
      ).default('key-server-1'),
    )
    .addOption(jsonOption())
    .action((flags: MatrixFlags) => run((io) => Promise.resolve(matrix(io, flags))));
};

interface MatrixFlags {
  readonly revision: string;
  readonly json?: boolean;
}

interface VerifyFlags {
  readonly collateral: string;
  readonly time: string;
  readonly status: readonly verify.TcbStatus[];
  readonly allowDebug?: boolean;
  readonly reportData?: string;
  readonly json?: boolean;
}

interface IssueFlags {
  readonly format: quotingEnclave.TdQuoteFormat;
  readonly reportData: string;
  readonly seed: string;
}

const FORMATS: readonly quotingEnclave.TdQuoteFormat[] = ['v4', 'v5-1.0', 'v5-1.5'];

function inspect(io: CommandIo, file: string, json: boolean): number {
  const bytes = readBytes(file);
  const parsed = quote.parseQuote(bytes);
  if (!parsed.ok) {
    throw new UsageError(`${file}: ${parsed.reason}: ${parsed.detail}${hintOf(bytes)}`);
  }
  const fields = quoteFields(parsed.quote);
  const shown = { version: JSON_OUTPUT_VERSION, fields: Object.fromEntries(fields) };
  io.out(json ? `${JSON.stringify(shown, null, 2)}\n` : fieldLines(fields));
  return EXIT.agree;
}

/** What a file that is no quote looks like. */
function hintOf(bytes: Uint8Array): string {
  if (looksLikeTdReport(bytes)) return '; it is a TDREPORT';
  return looksLikeText(bytes) ? '; it begins with text: not a quote?' : '';
}

/** A quote begins with its version and key type, each of two bytes, one of them 0. */
function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 16);
  return head.length > 0 && head.every((byte) => byte === 0x0a || (byte >= 0x20 && byte < 0x7f));
}

function verifyFile(io: CommandIo, file: string, flags: VerifyFlags): number {
  const bytes = readBytes(file);
  const { collateral, root } = readCollateralFolder(flags.collateral);
  const verifier = verify.createVerifier({ root, backend: nodeSignatureBackend });
  const verdict = verifier.verify(bytes, collateral, timeOf(flags.time), {
    statuses: flags.status,
    allowDebug: flags.allowDebug === true,
    ...(flags.reportData !== undefined && { reportData: hexOf(flags.reportData, 64) }),
  });
  if (flags.json === true) {
    const shown = verdict.ok
      ? { ok: true, status: verdict.status, advisories: verdict.advisories }
      : { ...verdict, intel: verify.INTEL_STATUS[verdict.reason] };
    io.out(`${JSON.stringify({ version: JSON_OUTPUT_VERSION, ...shown }, null, 2)}\n`);
  } else io.out(verdictLines(verdict, verify.STEPS));
  return verdict.ok ? EXIT.agree : EXIT.diverge;
}

function issue(io: CommandIo, folder: string, { format, reportData, seed }: IssueFlags): number {
  const pki = testPki.createTestPki({ seed });
  const platform = driver.platformNamed('platform');
  const nonce = new Uint8Array(64);
  nonce.set(hexOf(reportData));
  const made = report(driver.tdNamed('platform'), nonce);
  const quoted = quotingEnclave.createQuotingEnclave(pki, platform).quoteTd(made.report, format);
  if (!quoted.ok) throw new UsageError(`the TEST quoting enclave refused: ${quoted.reason}`);
  const files = {
    'quote.bin': quoted.quote,
    'collateral.json': encodeCollateral(pki.collateral()),
    'root.pem': encodeRoot(pki.root),
  };
  try {
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content, { flag: 'wx' });
    }
  } catch (error) {
    throw new UsageError(
      `${folder}: ${error instanceof Error ? error.message : 'cannot be written'}`,
    );
  }
  const { from, to } = testPki.TEST_COLLATERAL_WINDOW;
  io.out(`TEST quote ${format}, ${quoted.quote.length} bytes; collateral from ${from} to ${to}\n`);
  return EXIT.agree;
}

function matrix(io: CommandIo, { revision, json }: MatrixFlags): number {
  const { POLICY_NAMES, attackMatrix, keyServerModel } = keyServer;
  revisionOf(tdxKeyServerSubsystem, revision);
  const rows = attackMatrix(keyServerModel(nodeSignatureBackend), revision);
  if (json === true) {
    io.out(
      `${JSON.stringify({ version: JSON_OUTPUT_VERSION, revision, attacks: rows }, null, 2)}\n`,
    );
    return EXIT.agree;
  }
  const table = formatTable(
    [{ title: 'attack' }, ...POLICY_NAMES.map((title) => ({ title }))],
    rows.map(({ name, verdicts }) => [name, ...POLICY_NAMES.map((policy) => verdicts[policy])]),
  );
  io.out(`${table}\n`);
  return EXIT.agree;
}

function readBytes(file: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch {
    throw new UsageError(`${file}: cannot be read`);
  }
}

function timeOf(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : Date.parse(text) / 1000;
  if (!Number.isFinite(seconds)) {
    throw new UsageError(
      `--time: expected seconds or a time such as 2025-07-01T00:00:00Z, got ${text}`,
    );
  }
  return Math.floor(seconds);
}

function hexOf(text: string, size?: number): Uint8Array {
  const bytes = new Uint8Array(Buffer.from(text, 'hex'));
  const fits = size === undefined ? bytes.length <= 64 : bytes.length === size;
  if (!/^([0-9a-fA-F]{2})*$/.test(text) || !fits) {
    const expected = size === undefined ? 'up to 64 bytes' : `${size} bytes`;
    throw new UsageError(`--report-data: expected ${expected} as hexadecimal digits, got ${text}`);
  }
  return bytes;
}
