// SPDX-License-Identifier: MIT
import { encodeObserved, formatHex, type AnyOperation, type Json } from '@kernel-models/model-core';
import { describeObserved, describeOutcome, describeValue } from '../../describe.ts';
import { EXIT } from '../../exit-code.ts';
import { explainTrace, stepOf, type ExplainedStep } from '../../explain.ts';
import { JSON_OUTPUT_VERSION } from '../../report/check-json.ts';
import { stepLine } from '../../report/divergence-text.ts';
import type { AnySubsystem } from '../../subsystem.ts';
import type { CommandIo } from '../io.ts';
import { jsonOption, REVISION_OF_TRACE, revisionOption, wholeNumber } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { effectiveRevision, loadTrace } from '../read.ts';

interface ExplainFlags {
  readonly trace: number;
  readonly step?: number;
  readonly revision?: string;
  readonly json?: boolean;
}

/** `kernel-oracle explain`: the model's reason at every step. */
export const explainCommand: AddCommand = (program, run) => {
  program
    .command('explain <trace>')
    .description('give the model’s reason at each step: the rule, what it mirrors, what changed')
    .option('--trace <n>', 'which trace of the file, from 0', wholeNumber('--trace'), 0)
    .option('--step <n>', 'only this step, with all its checks', wholeNumber('--step'))
    .addOption(revisionOption('the revision whose reasons are given', REVISION_OF_TRACE))
    .addOption(jsonOption())
    .action((file: string, flags: ExplainFlags) => run((io) => runExplain(io, file, flags)));
};

async function runExplain(io: CommandIo, file: string, flags: ExplainFlags): Promise<number> {
  const { subsystem, trace } = loadTrace(file, flags.trace);
  const revision = effectiveRevision(subsystem, flags.revision, trace);
  const all = explainTrace(subsystem, trace, revision);
  const steps = flags.step === undefined ? all : [stepOf(all, flags.step)];
  const agrees = all.every((step) => step.agrees);
  if (flags.json === true) {
    const json = {
      version: JSON_OUTPUT_VERSION,
      model: subsystem.model.name,
      revision,
      steps: steps.map((step) => stepJson(subsystem, step)),
      consumed: all.filter((step) => step.agrees).length,
      total: trace.events.length,
    };
    io.out(`${JSON.stringify(json, null, 2)}\n`);
  } else {
    io.out(`${subsystem.model.name} ${revision}, ${trace.source.kernel ?? trace.source.kind}\n\n`);
    for (const step of steps) io.out(`${stepText(subsystem, step)}\n\n`);
    const consumed = all.filter((step) => step.agrees).length;
    io.out(`consumed ${consumed} of ${trace.events.length} events\n`);
  }
  return agrees ? EXIT.agree : EXIT.diverge;
}

function stepText(subsystem: AnySubsystem, step: ExplainedStep<AnyOperation, unknown>): string {
  const lines = [stepLine(subsystem, step)];
  if (!step.agrees) {
    lines.push(`       observed  ${describeObserved(subsystem, step.observed)}`);
    lines.push(`       expected  ${describeOutcome(subsystem, step.outcome)}`);
  }
  lines.push(...step.trail.map(({ id, sentence }) => `       passed    ${id}: ${sentence}`));
  lines.push(
    `       decided   ${step.rule.id}: ${step.rule.sentence}`,
    `                 [${step.rule.origin}]`,
    ...step.changes.map(
      ({ path, before, after }) =>
        `       changed   ${path}: ${describeValue(before)} -> ${describeValue(after)}`,
    ),
  );
  return lines.join('\n');
}

function stepJson({ model }: AnySubsystem, step: ExplainedStep<AnyOperation, unknown>): Json {
  return {
    seq: step.seq,
    operation: model.codec.encodeOperation(step.operation),
    observed: encodeObserved(step.observed, model.codec),
    expected: model.codec.encodeOutcome(step.outcome),
    agrees: step.agrees,
    rule: { ...step.rule },
    trail: step.trail.map((rule) => ({ ...rule })),
    changes: step.changes.map(({ path, before, after }) => ({
      path,
      before: plainJson(before),
      after: plainJson(after),
    })),
  };
}

/** A value of a state as JSON: bigints as `0x…`, nothing as null. */
function plainJson(value: unknown): Json {
  if (value === undefined) return null;
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === 'bigint' ? formatHex(inner) : inner,
    ),
  ) as Json;
}
