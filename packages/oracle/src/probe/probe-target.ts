// SPDX-License-Identifier: MIT
import {
  DecodeError,
  type AnyOperation,
  type Json,
  type JsonObject,
  type RevisionId,
  type TraceSource,
} from '@kernel-models/model-core';
import { TargetError, type Answer, type Availability, type Case, type Target } from '../target.ts';
import type { Hello } from './protocol.ts';
import { ProbeSession, type ProbeAnswer, type ProbeCase } from './session.ts';
import type { Transport } from './transport.ts';
import { Unavailable } from './unavailable.ts';
import { encodeWords } from './words.ts';

/** What a subsystem says about its probe. */
export interface ProbeSubsystem<Setup, Operation extends AnyOperation, Outcome> {
  /** The model's name, which is also the probe's. */
  readonly model: string;
  readonly decodeOutcome: (json: Json) => Outcome;
  /** The revision that describes a kernel, where one does. */
  readonly revisionOf: (hello: Hello) => RevisionId | undefined;
  /** What of a kernel's configuration matters, for the provenance of recordings. */
  readonly configOf: (hello: Hello) => string;
  /** The worlds that a kernel has and nobody can choose. Absent: every world can be made. */
  readonly worldsOf?: (hello: Hello) => readonly Setup[];
  /** What kernel it takes to answer at all; undefined where this one can. */
  readonly requires?: (hello: Hello) => string | undefined;
  /** Why a case cannot be put to this kernel, naming what is missing; undefined where it can. */
  readonly lacks?: (candidate: Case<Setup, Operation>, hello: Hello) => string | undefined;
  /** A world as the probe reads it. */
  readonly encodeSetup: (setup: Setup) => JsonObject;
  /** An operation as the probe reads it. */
  readonly encodeOperation: (operation: Operation) => JsonObject;
}

/** A target whose operations a probe executes. */
export function probeTarget<Setup, Operation extends AnyOperation, Outcome>(
  subsystem: ProbeSubsystem<Setup, Operation, Outcome>,
  transport: Transport,
): Target<Setup, Operation, Outcome> {
  const session = new ProbeSession(transport, subsystem.model);
  const runBatch = (cases: Iterable<Case<Setup, Operation>>): AsyncGenerator<Answer<Outcome>> =>
    answers(subsystem, session, [...cases]);
  return {
    name: transport.name,
    models: [subsystem.model],
    touches: transport.touches,
    available: () => availability(subsystem, session),
    run: async function* (setup, operations) {
      for await (const { outcomes, failure } of runBatch([{ setup, operations }])) {
        yield* outcomes;
        if (failure !== undefined) throw new TargetError(failure);
      }
    },
    runBatch,
    close: () => session.close(),
  };
}

async function availability<Setup, Operation extends AnyOperation, Outcome>(
  { revisionOf, configOf, worldsOf, model, requires }: ProbeSubsystem<Setup, Operation, Outcome>,
  session: ProbeSession,
): Promise<Availability<Setup>> {
  try {
    const hello = await session.hello();
    const required = requires?.(hello);
    if (required !== undefined) return { ok: false, skip: required };
    const source: TraceSource = {
      kind: 'kernel',
      kernel: hello.kernel,
      config: configOf(hello),
      cpu: hello.cpu,
      tool: `packages/oracle/probes/${model}.c`,
    };
    return {
      ok: true,
      source,
      revision: revisionOf(hello),
      ...(worldsOf !== undefined && { worlds: worldsOf(hello) }),
    };
  } catch (error) {
    if (error instanceof Unavailable) return { ok: false, skip: error.message };
    throw error;
  }
}

async function* answers<Setup, Operation extends AnyOperation, Outcome>(
  subsystem: ProbeSubsystem<Setup, Operation, Outcome>,
  session: ProbeSession,
  cases: readonly Case<Setup, Operation>[],
): AsyncGenerator<Answer<Outcome>> {
  let hello: Hello;
  try {
    hello = await session.hello();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    const { message } = error;
    yield* cases.map(() => ({ outcomes: [], failure: message }));
    return;
  }
  const missing = cases.map((one) => subsystem.lacks?.(one, hello));
  const executed = session.run(
    cases.filter((_, index) => missing[index] === undefined).map((one) => wire(subsystem, one)),
  );
  try {
    for (const lacking of missing) {
      if (lacking !== undefined) {
        yield { outcomes: [], lacks: lacking };
        continue;
      }
      const { value, done } = await executed.next();
      if (done === true) return;
      yield decoded(subsystem, value);
    }
  } finally {
    await executed.return(undefined);
  }
}

function wire<Setup, Operation extends AnyOperation, Outcome>(
  { encodeSetup, encodeOperation }: ProbeSubsystem<Setup, Operation, Outcome>,
  { setup, operations }: Case<Setup, Operation>,
): ProbeCase {
  return {
    world: encodeWords(encodeSetup(setup)),
    steps: operations.map((operation) => encodeWords(encodeOperation(operation))),
  };
}

function decoded<Setup, Operation extends AnyOperation, Outcome>(
  { decodeOutcome }: ProbeSubsystem<Setup, Operation, Outcome>,
  { outcomes, failure, lacks, complaints }: ProbeAnswer,
): Answer<Outcome> {
  const values: Outcome[] = [];
  const logged = complaints.length > 0 ? { complaints } : {};
  try {
    for (const outcome of outcomes) values.push(decodeOutcome(outcome));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { outcomes: values, failure: `the probe spoke nonsense: ${error.message}`, ...logged };
  }
  if (lacks !== undefined) return { outcomes: [], lacks };
  return { outcomes: values, ...(failure !== undefined && { failure }), ...logged };
}
