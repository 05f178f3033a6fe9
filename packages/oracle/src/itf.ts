// SPDX-License-Identifier: MIT
import {
  runModel,
  type AnyOperation,
  type Model,
  type RevisionId,
  type Trace,
} from '@kernel-models/model-core';

/** A trace in the Informal Trace Format: every state in full, for the viewers of that world. */
export interface ItfTrace {
  readonly '#meta': Readonly<Record<string, string>>;
  readonly vars: readonly string[];
  readonly states: readonly Readonly<Record<string, unknown>>[];
}

/**
 * A trace with the model's states as ITF (Apalache ADR 015, as Quint writes it): state 0 is the
 * initial one, each later state names the operation that led to it.
 *
 * Outcomes are the model's, not the observed ones: ITF describes states of a specification.
 */
export function exportItf<State, Operation extends AnyOperation, Outcome, Setup>(
  model: Model<State, Operation, Outcome, Setup>,
  trace: Trace<Setup, Operation, Outcome>,
  revision: RevisionId,
): ItfTrace {
  const operations = trace.events.map(({ operation }) => operation);
  const steps = runModel(model, trace.setup, operations, revision);
  const first = { '#meta': { index: 0 }, state: itfValue(model.initial(trace.setup)) };
  const states = steps.map((step, index) => ({
    '#meta': { index: index + 1 },
    'mbt::actionTaken': operations[index]?.op,
    operation: itfValue(operations[index]),
    outcome: itfValue(step.outcome),
    rule: step.rule,
    state: itfValue(step.state),
  }));
  return {
    '#meta': {
      format: 'ITF',
      'format-description': 'https://apalache.informal.systems/docs/adr/015adr-trace.html',
      source: `${model.name} ${revision}`,
    },
    vars: ['mbt::actionTaken', 'operation', 'outcome', 'rule', 'state'],
    states: [first, ...states],
  };
}

function itfValue(value: unknown): unknown {
  if (typeof value === 'bigint') return { '#bigint': value.toString() };
  if (Array.isArray(value)) return value.map(itfValue);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, itfValue(field)]));
}
