// SPDX-License-Identifier: MIT
// What the scripts of this folder do alike: they open a target, put cases to it, and write its
// answers as a recording of packages/oracle.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { writeTrace } from '../../packages/model-core/dist/index.js';
import { observeCases } from '../../packages/oracle/dist/observe.js';
import { fetchKernel } from './debian-kernel.mjs';

/** The folder of recordings that ship, one below it for each model. */
export const RECORDINGS = fileURLToPath(
  new URL('../../packages/oracle/recordings', import.meta.url),
);

/**
 * The image that an argument names: a series of Debian's kernels (`6.12`), fetched, or a path.
 *
 * @param {string} source
 */
export function kernelImage(source) {
  return /^\d+\.\d+$/.test(source) ? fetchKernel(source) : source;
}

/**
 * What a target says of itself, as the head of traces.
 *
 * @param target closed where it cannot be asked
 * @param {string} model whose traces they are
 * @param {string} script the path of the recording script in this repository
 * @throws Error with the target's reason where it cannot be asked, or where no revision describes it
 */
export async function openTarget(target, model, script) {
  const availability = await target.available();
  const { revision, worlds, source } = availability;
  if (!availability.ok || revision === undefined) {
    await target.close();
    throw new Error(
      `${target.name}: ${availability.skip ?? `no revision describes ${source.kernel}`}`,
    );
  }
  const recordedAt = new Date().toISOString();
  return { facts: { model, revision, source: { ...source, script }, recordedAt }, worlds };
}

/**
 * Puts cases to a target.
 *
 * @param {{ strict?: boolean }} [options] strict: a case that failed, or of which the kernel
 *   complained, ends the recording; it is left out otherwise
 * @returns the traces, and how many cases were left out for which reason
 */
export async function answersOf(target, cases, facts, { strict = false } = {}) {
  const traces = [];
  const left = new Map();
  let index = 0;
  for await (const answer of observeCases(target, cases, facts)) {
    const wrong = answer.failure ?? answer.complaints?.[0];
    if (strict && wrong !== undefined) throw new Error(`case ${index}: ${wrong}`);
    const reason = wrong ?? answer.lacks;
    if (reason === undefined) traces.push(answer.trace);
    else left.set(reason, (left.get(reason) ?? 0) + 1);
    index += 1;
  }
  return { traces, left };
}

/** The version in a source's description: `6.18.44`, `2.7`. */
export function versionOf({ kernel = '' }) {
  return /\d+\.\d+(\.\d+)?/.exec(kernel)?.[0] ?? 'unknown';
}

/** The first two numbers of a version: `6.18`. */
export function seriesOf(source) {
  return versionOf(source).split('.').slice(0, 2).join('.');
}

/**
 * Writes a recording and says what it holds and what was left out.
 *
 * @param {string} folder made where it does not exist
 * @param {string} name the file's, without `.jsonl.gz`
 */
export function writeRecording(folder, name, codec, { traces, left = new Map() }) {
  const path = join(folder, `${name}.jsonl.gz`);
  const text = traces.map((trace) => writeTrace(trace, codec)).join('');
  const bytes = gzipSync(text, { level: 9 });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  const events = traces.reduce((sum, trace) => sum + trace.events.length, 0);
  const size = (bytes.length / 1e6).toFixed(2);
  console.log(`${path}: ${traces.length} cases, ${events} events, ${size} MB`);
  for (const [reason, count] of left) console.log(`  ${count} left out: ${reason}`);
}
