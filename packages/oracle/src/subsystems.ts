// SPDX-License-Identifier: MIT
import type { AnyModel, ReadTracesOptions } from '@kernel-models/model-core';
import { branchSubsystem } from './bpf-cfi/branch-subsystem.ts';
import { bpfCfiSubsystem } from './bpf-cfi/subsystem.ts';
import { typeIdSubsystem } from './bpf-cfi/type-id-subsystem.ts';
import { suggestion } from './closest.ts';
import { cpuSubsystem } from './cr-pinning/cpu-subsystem.ts';
import { crPinningSubsystem } from './cr-pinning/subsystem.ts';
import { securebitsSubsystem } from './exec-check/securebits-subsystem.ts';
import { execCheckSubsystem } from './exec-check/subsystem.ts';
import { UsageError } from './exit-code.ts';
import { mapleTreeSubsystem } from './maple-tree/subsystem.ts';
import { mmSubsystem } from './mm/subsystem.ts';
import type { AnySubsystem } from './subsystem.ts';
import {
  tdxDriverSubsystem,
  tdxGetQuoteSubsystem,
  tdxTsmSubsystem,
  tdxVerifierSubsystem,
} from './tdx-attest/subsystems.ts';
import {
  tdxKeyServerSubsystem,
  tdxMeasurementSubsystem,
  tdxModuleSubsystem,
  tdxQgsSubsystem,
} from './tdx-attest/unrecorded.ts';

/** Every model that the oracle knows, in the order in which reports name them. */
export const SUBSYSTEMS: readonly AnySubsystem[] = [
  execCheckSubsystem,
  securebitsSubsystem,
  mapleTreeSubsystem,
  mmSubsystem,
  tdxDriverSubsystem,
  tdxTsmSubsystem,
  tdxGetQuoteSubsystem,
  tdxVerifierSubsystem,
  tdxMeasurementSubsystem,
  tdxQgsSubsystem,
  tdxKeyServerSubsystem,
  tdxModuleSubsystem,
  cpuSubsystem,
  branchSubsystem,
  crPinningSubsystem,
  typeIdSubsystem,
  bpfCfiSubsystem,
];

/** The codec of a model, for reading traces. */
export const codecOfModel: ReadTracesOptions['codecOf'] = (model) =>
  SUBSYSTEMS.find((subsystem) => subsystem.model.name === model)?.model.codec;

/**
 * The subsystem of a model.
 *
 * @throws UsageError naming the nearest models
 */
export function subsystemOf(model: string): AnySubsystem {
  const subsystem = SUBSYSTEMS.find((one) => one.model.name === model);
  if (subsystem === undefined) throw unknownModel(model);
  return subsystem;
}

/**
 * The subsystems that names select: a model's own name, or a package's name for all of its models.
 * No name selects all.
 *
 * @throws UsageError naming the nearest models
 */
export function selectSubsystems(names: readonly string[]): readonly AnySubsystem[] {
  if (names.length === 0) return SUBSYSTEMS;
  const selected = new Set<AnySubsystem>();
  for (const name of names) {
    const matching = SUBSYSTEMS.filter(
      ({ model }) => model.name === name || model.name.startsWith(`${name}.`),
    );
    if (matching.length === 0) throw unknownModel(name);
    for (const subsystem of matching) selected.add(subsystem);
  }
  return [...selected];
}

function unknownModel(name: string): UsageError {
  const models = SUBSYSTEMS.map(({ model }) => model.name);
  const packages = models.map((model) => model.replace(/\..*/, ''));
  const near = suggestion(name, [...new Set([...packages, ...models])]);
  return new UsageError(
    `model: expected a name that \`kernel-oracle models\` lists, got ${name}${near}`,
  );
}

/**
 * A revision that a model has.
 *
 * @param field where the person named it, for the message
 * @throws UsageError naming the nearest revisions
 */
export function revisionOf(
  { model }: AnySubsystem,
  id: string,
  field: string = '--revision',
): string {
  const problem = problemOfRevision(model, id);
  if (problem !== undefined) throw new UsageError(`${field}: ${problem}`);
  return id;
}

/** What is wrong with the revision that a trace's header states, or undefined. */
export const refuseRevision: NonNullable<ReadTracesOptions['refuseRevision']> = (name, id) =>
  problemOfRevision(subsystemOf(name).model, id);

function problemOfRevision({ name, revisions }: AnyModel, id: string): string | undefined {
  const known = revisions.map((revision) => revision.id);
  if (known.includes(id)) return undefined;
  const expected = `expected one that \`kernel-oracle models ${name}\` lists`;
  return `${expected}, got ${id}${suggestion(id, known)}`;
}
