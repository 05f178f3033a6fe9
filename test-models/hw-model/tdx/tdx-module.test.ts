// SPDX-License-Identifier: MIT
import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isBugRevision } from '@kernel-models/model-core';
import {
  buildTd,
  model as tdxModule,
  moduleOf,
  platformOf,
  report,
  verifyReport,
  type Operation,
  type TdState,
} from '@kernel-models/hw-model/tdx';
import { checkProperty, SUITE_SEED } from '../../support/check-property.ts';
import { LabelCoverage } from '../../support/label-coverage.ts';
import { covered } from '../../support/rule-coverage.ts';
import { BUILD, BUILD_WITHOUT_VE, SETUP, tdOperation } from './generators.ts';

const model = covered(tdxModule);
const NEWEST = 'tdx-module-1.5.01';
const MODULES = ['tdx-module-1.0', NEWEST] as const;

const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

function runAll(operations: readonly Operation[], revision: string = NEWEST): TdState {
  let state = model.initial(SETUP);
  for (const operation of operations) state = model.apply(state, operation, revision).state;
  return state;
}

describe.each(MODULES)('%s', (revision) => {
  test('keeps its invariants, whatever is asked of it', async () => {
    const labels = new LabelCoverage();
    await checkProperty(
      `TDX module invariants on ${revision}`,
      fc.property(
        fc.constantFrom(BUILD, BUILD, BUILD, BUILD_WITHOUT_VE, BUILD.slice(0, 1)),
        fc.array(tdOperation, { minLength: 20, maxLength: 40 }),
        (first, generated) => {
          const seen = new Set<string>();
          let before = model.initial(SETUP);
          for (const operation of [...first, ...generated]) {
            const step = model.apply(before, operation, revision);
            seen.add(step.rule);
            for (const { id, holds } of model.invariants) {
              if (!holds({ before, operation, step, revision })) {
                throw new Error(`${id} is broken by ${operation.op}, ${step.rule}`);
              }
            }
            before = step.state;
          }
          labels.count(seen);
        },
      ),
      { runs: 150 },
    );
    labels.require({ 'report.success': 5, 'extend.success': 2, 'accept.success': 1 });
  });
});

/** TDREPORT once more, naively: offsets as the specification lists them, Node's own hashes. */
function referenceReport(td: TdState, reportData: Uint8Array): Buffer {
  const out = Buffer.alloc(1024);
  const { module, params, measurements, platform } = td;
  out.writeBigUInt64LE(0x301ffn, 256);
  out.set(module.teeTcbSvn, 264);
  out.set(module.mrSeam, 280);
  out.set(module.mrSignerSeam, 328);
  out.writeBigUInt64LE(module.attributes, 376);
  out.set(module.teeTcbSvn2, 384);
  out.writeBigUInt64LE(params.attributes, 512);
  out.writeBigUInt64LE(params.xfam, 520);
  [
    measurements.mrTd,
    params.mrConfigId,
    params.mrOwner,
    params.mrOwnerConfig,
    ...measurements.rtmr,
  ].forEach((digest, index) => out.set(digest, 528 + 48 * index));
  out.writeUInt32LE(0x81, 0);
  out.set(platform.cpuSvn, 16);
  out.set(sha384(out.subarray(256, 256 + 239)), 32);
  out.set(sha384(out.subarray(512, 1024)), 80);
  out.set(reportData, 128);
  out.set(createHmac('sha256', platform.reportKey).update(out.subarray(0, 224)).digest(), 224);
  return out;
}

test('a TDREPORT is what a naive reference lays out', async () => {
  await checkProperty(
    'TDREPORT equals its reference',
    fc.property(
      fc.array(tdOperation, { maxLength: 20 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (operations, reportData) => {
        const td = runAll([...BUILD, ...operations]);
        const made = Buffer.from(report(td, reportData).report);
        if (!made.equals(referenceReport(td, reportData))) throw new Error('another report');
      },
    ),
    { runs: 60 },
  );
});

test('MRTD is a hash over the calls in their order', () => {
  const call = (name: string, gpa: bigint): Buffer => {
    const block = Buffer.alloc(128);
    block.write(name, 'ascii');
    block.writeBigUInt64LE(gpa, 16);
    return block;
  };
  const content = new Uint8Array(256);
  content.fill(1, 0, 64);
  expect(runAll(BUILD).measurements.mrTd).toEqual(
    sha384(call('MEM.PAGE.ADD', 0n), call('MR.EXTEND', 0n), content, call('MEM.PAGE.ADD', 0x1000n)),
  );
});

test('rtmr-monotone: a register is a function of its own extends alone', async () => {
  const extend = fc.tuple(
    fc.integer({ min: 0, max: 3 }),
    fc.integer({ min: 0, max: 255 }),
    fc.boolean(),
  );
  await checkProperty(
    'RTMR replay',
    fc.property(fc.array(extend, { maxLength: 12 }), (extends_) => {
      const call = (rax: bigint, rdx: bigint, rcx: bigint): Operation => ({
        op: 'tdcall',
        registers: { rax, rcx, rdx },
        cpl: 0,
        longMode: true,
        interruptPending: false,
        reply: {},
      });
      const td = runAll([
        ...BUILD,
        ...extends_.flatMap(([index, value, reports]): Operation[] => [
          { op: 'guest-write', gpa: 0x1000n, content: new Uint8Array(48).fill(value) },
          call(2n, BigInt(index), 0x1000n),
          ...(reports ? [call(4n, 0x1000n, 0n)] : []),
        ]),
      ]);
      const replayed = [0, 1, 2, 3].map((register) =>
        extends_
          .filter(([index]) => index === register)
          .reduce<Uint8Array>(
            (value, [, byte]) => sha384(value, new Uint8Array(48).fill(byte)),
            new Uint8Array(48),
          ),
      );
      expect(td.measurements.rtmr).toEqual(replayed);
    }),
    { runs: 40 },
  );
});

test('interrupt-transparent: interrupted any number of times, a leaf does the same', async () => {
  await checkProperty(
    'interrupts are transparent',
    fc.property(fc.array(tdOperation, { maxLength: 15 }), tdOperation, (history, last) => {
      fc.pre(last.op === 'tdcall');
      const state = runAll([...BUILD, ...history]);
      if (last.op !== 'tdcall') return;
      const plain = model.apply(state, { ...last, interruptPending: false }, NEWEST);
      let current = model.apply(state, { ...last, interruptPending: true }, NEWEST);
      for (let again = 0; current.outcome.kind === 'retry' && again < 600; again += 1) {
        current = model.apply(current.state, { ...last, interruptPending: true }, NEWEST);
      }
      expect(current.outcome).toEqual(plain.outcome);
      expect(current.state).toEqual(plain.state);
    }),
    { runs: 60 },
  );
});

test('mac-binds: every bit but the 17 bytes that nothing covers', async () => {
  const td = runAll(BUILD);
  const made = report(td, new Uint8Array(64).fill(9)).report;
  await checkProperty(
    'a flipped bit is found',
    fc.property(fc.nat(1023), fc.nat(7), (at, bit) => {
      const flipped = made.with(at, (made[at] ?? 0) ^ (1 << bit));
      const covered = at < 495 || at >= 512;
      expect(verifyReport(td.platform, flipped).ok).toBe(!covered);
    }),
    { runs: 200 },
  );
});

test('ve-once: a #VE before the last one was fetched is a #DF', () => {
  const info = {
    exitReason: 48n,
    exitQualification: 0n,
    guestLinearAddress: 0n,
    guestPhysicalAddress: 0n,
    instructionLength: 3n,
    instructionInfo: 0n,
  };
  const told = runAll([...BUILD, { op: 'inject-ve', info }]);
  const nested = model.apply(told, { op: 'inject-ve', info }, NEWEST);
  expect(nested.outcome).toEqual({ kind: 'fault', vector: '#DF' });
});

describe('planted bugs', () => {
  const bugs = tdxModule.revisions.filter(isBugRevision);
  const runs = fc.array(tdOperation, { minLength: 40, maxLength: 60 });

  test.each(bugs.map((bug) => [bug.id, bug.caughtBy] as const))(
    '%s is caught',
    (revision, named) => {
      const invariants = model.invariants.filter(({ id }) => named.includes(id));
      expect(invariants).not.toEqual([]);
      const caught = fc.sample(runs, { seed: SUITE_SEED, numRuns: 400 }).some((operations) => {
        let before = model.initial(SETUP);
        return [...BUILD, ...operations].some((operation) => {
          const step = model.apply(before, operation, revision);
          const broken = invariants.some(
            ({ holds }) => !holds({ before, operation, step, revision }),
          );
          before = step.state;
          return broken;
        });
      });
      expect(caught).toBe(true);
    },
  );
});

test('reports over the same measurements name the module and the platform of their own time', () => {
  const cpuSvn = new Uint8Array(16).fill(5);
  const runs = Uint8Array.of(9, 1, 2, ...new Uint8Array(13));
  const setup = { platform: platformOf('here', cpuSvn), module: moduleOf(new Uint8Array(16)) };
  const td = buildTd(setup, { pages: [Uint8Array.of(1)] });
  const data = new Uint8Array(64).fill(7);
  const before = report(td, data);
  const updated = model.apply(before.td, { op: 'module-update', teeTcbSvn: runs }, NEWEST).state;
  const after = report(updated, data).report;
  // TEE_TCB_SVN2, at 128 of TEE_TCB_INFO.
  expect(after.slice(256 + 128, 256 + 144)).toEqual(runs);
  expect(before.report.slice(256 + 128, 256 + 144)).not.toEqual(runs);
  const elsewhere = platformOf('elsewhere', cpuSvn);
  const moved = report({ ...before.td, platform: elsewhere }, data).report;
  expect(verifyReport(elsewhere, moved)).toEqual({ ok: true });
  expect(verifyReport(setup.platform, moved)).toEqual({ ok: false, reason: 'mac' });
});
