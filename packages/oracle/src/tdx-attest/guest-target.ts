// SPDX-License-Identifier: MIT
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  writeSync,
} from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { isErrno, type Errno } from '@kernel-models/model-core';
import { driver, tsm } from '@kernel-models/tdx-attest';
import type { Availability, Case, Target } from '../target.ts';

/** Where configfs shows the report items. */
const REPORTS = '/sys/kernel/config/tsm/report';
/** The driver's device, which is there in a TDX guest alone. */
const DEVICE = '/dev/tdx_guest';
/** In the names of items that are made here, so that nobody else's are touched. */
const PREFIX = 'kernel-oracle-';

/** Places on this machine; tests put others in their place. */
export interface GuestPaths {
  readonly reports: string;
  readonly device: string;
}

/**
 * The running kernel of a TDX guest, through configfs. Its host is not ours, so nothing is asked
 * for whose answer the host decides.
 */
export function guestTarget(
  paths: GuestPaths = { reports: REPORTS, device: DEVICE },
): Target<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome> {
  return {
    name: 'live',
    models: [tsm.model.name],
    touches: `makes and removes items of ${paths.reports} named ${PREFIX}*`,
    available: () => Promise.resolve(availability(paths)),
    run: async function* (_setup, operations) {
      const made = new Set<string>();
      try {
        for (const operation of operations) yield execute(operation, paths.reports, made);
      } finally {
        for (const name of made) rmdirSync(join(paths.reports, name));
      }
    },
    close: () => Promise.resolve(),
  };
}

function availability({ reports, device }: GuestPaths): Availability {
  if (!existsSync(device)) return { ok: false, skip: `${device}: not a TDX guest` };
  if (!existsSync(reports))
    return { ok: false, skip: `${reports}: CONFIG_TSM_REPORTS, or configfs` };
  try {
    accessSync(reports, constants.W_OK);
  } catch {
    return { ok: false, skip: `${reports}: not writable; run as root` };
  }
  return {
    ok: true,
    source: { kind: 'kernel', kernel: release(), tool: 'configfs' },
    revision: revisionOf(release()),
  };
}

/** The newest revision that is not younger than a kernel. */
export function revisionOf(kernel: string): string | undefined {
  const [major = 0, minor = 0] = kernel.split('.').map(Number);
  const known = tsm.model.revisions.flatMap(({ id }) => {
    const [, x, y] = /^linux-(\d+)\.(\d+)$/.exec(id) ?? [];
    return x === undefined ? [] : [{ id, age: Number(x) * 1000 + Number(y) }];
  });
  return known.filter(({ age }) => age <= major * 1000 + minor).at(-1)?.id;
}

/**
 * Whether every operation can be put to a kernel in use, with an answer that its host has no part
 * in.
 */
export function isExecutableInGuest({ operations }: Case<tsm.Setup, tsm.TsmOperation>): boolean {
  const [first, ...rest] = operations;
  if (first?.op !== 'load') return false;
  let state = tsm.model.initial(driver.DEFAULT_SETUP);
  for (const operation of [first, ...rest]) {
    const step = tsm.model.apply(state, operation, 'linux-7.0');
    if (operation.op === 'read-outblob' && step.outcome.kind === 'blob') return false;
    if (operation !== first && !EXECUTABLE.has(operation.op)) return false;
    state = step.state;
  }
  return true;
}

const EXECUTABLE: ReadonlySet<tsm.TsmOperation['op']> = new Set([
  'mkdir',
  'rmdir',
  'write-inblob',
  'read-outblob',
  'read-generation',
  'read-provider',
]);

const SUCCESS: tsm.TsmOutcome = { kind: 'value', value: 0n };

function execute(operation: tsm.TsmOperation, reports: string, made: Set<string>): tsm.TsmOutcome {
  switch (operation.op) {
    // The kernel in use has its driver.
    case 'load':
      return SUCCESS;
    case 'mkdir':
      return attempt(() => {
        mkdirSync(join(reports, PREFIX + operation.name));
        made.add(PREFIX + operation.name);
        return SUCCESS;
      });
    case 'rmdir':
      return attempt(() => {
        rmdirSync(join(reports, PREFIX + operation.name));
        made.delete(PREFIX + operation.name);
        return SUCCESS;
      });
    case 'write-inblob':
      return attempt(() => writeInblob(join(reports, PREFIX + operation.name), operation.content));
    case 'read-outblob':
      return attempt(() => {
        const bytes = readFileSync(join(reports, PREFIX + operation.name, 'outblob'));
        return { kind: 'blob', size: bytes.length, head: new Uint8Array(bytes.subarray(0, 16)) };
      });
    case 'read-generation':
      return attempt(() => text(join(reports, PREFIX + operation.name, 'generation')));
    case 'read-provider':
      return attempt(() => text(join(reports, PREFIX + operation.name, 'provider')));
    default:
      throw new RangeError(`operation.op: expected one of ${[...EXECUTABLE].join(', ')}`);
  }
}

function text(path: string): tsm.TsmOutcome {
  return { kind: 'text', text: readFileSync(path, 'latin1') };
}

/** The close commits, and a write that fails is not the end of it. */
function writeInblob(item: string, content: Uint8Array): tsm.TsmOutcome {
  const fd = openSync(join(item, 'inblob'), 'w');
  let write: number | Errno;
  try {
    write = writeSync(fd, content);
  } catch (error) {
    write = errnoOf(error);
  } finally {
    closeSync(fd);
  }
  const generation = BigInt(readFileSync(join(item, 'generation'), 'latin1').trim());
  return { kind: 'written', write, generation };
}

function attempt(act: () => tsm.TsmOutcome): tsm.TsmOutcome {
  try {
    return act();
  } catch (error) {
    return { kind: 'errno', errno: errnoOf(error) };
  }
}

function errnoOf(error: unknown): Errno {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!isErrno(code)) throw error;
  return code;
}
