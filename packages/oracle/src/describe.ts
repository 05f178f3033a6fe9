// SPDX-License-Identifier: MIT
import {
  formatHex,
  type AnyOperation,
  type Json,
  type JsonObject,
  type ObservedOutcome,
} from '@kernel-models/model-core';
import type { Subsystem } from './subsystem.ts';

type AnySubsystemOf<Operation extends AnyOperation, Outcome> = Pick<
  Subsystem<never, Operation, Outcome, never>,
  'describeOperation' | 'describeOutcome'
> & {
  readonly model: {
    readonly codec: {
      encodeOperation(operation: Operation): Json;
      encodeOutcome(outcome: Outcome): Json;
    };
  };
};

/** An operation in one line: its name, then its fields. */
export function describeOperation<Operation extends AnyOperation>(
  subsystem: AnySubsystemOf<Operation, never>,
  operation: Operation,
): string {
  if (subsystem.describeOperation !== undefined) return subsystem.describeOperation(operation);
  const { op, ...fields } = subsystem.model.codec.encodeOperation(operation) as JsonObject;
  return [op, ...describeFields(fields)].join(' ');
}

/** An outcome in one line. */
export function describeOutcome<Outcome>(
  subsystem: AnySubsystemOf<never, Outcome>,
  outcome: Outcome,
): string {
  if (subsystem.describeOutcome !== undefined) return subsystem.describeOutcome(outcome);
  const json = subsystem.model.codec.encodeOutcome(outcome);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return JSON.stringify(json);
  const { kind, ...fields } = json as JsonObject;
  return [...(kind === undefined ? [] : [kind]), ...describeFields(fields)].join(' ');
}

/** An outcome as a trace states it, in one line. */
export function describeObserved<Outcome>(
  subsystem: AnySubsystemOf<never, Outcome>,
  observed: ObservedOutcome<Outcome>,
): string {
  switch (observed.kind) {
    case 'one':
      return describeOutcome(subsystem, observed.outcome);
    case 'anyOf':
      return observed.outcomes.map((outcome) => describeOutcome(subsystem, outcome)).join(' or ');
    case 'any':
      return 'anything';
  }
}

/** A value of a state in one line, cut where it is long. */
export function describeValue(value: unknown, width: number = 60): string {
  if (value === undefined) return '(none)';
  const text = JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'bigint' ? formatHex(inner) : inner,
  );
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

/** Longest string that a line shows whole. */
const LONGEST_TEXT = 72;

/** The fields of a JSON object as `name=value`. */
export function describeFields(fields: JsonObject): string[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${describeJson(value)}`],
  );
}

function describeJson(value: Json): string {
  if (typeof value === 'string') return describeText(value);
  return JSON.stringify(value, (_, inner: Json) =>
    typeof inner === 'string' ? describeText(inner) : inner,
  );
}

/** Text, cut where it is long, with its length. */
export function describeText(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  return `${text.slice(0, LONGEST_TEXT / 2)}… (${text.length} characters)`;
}
