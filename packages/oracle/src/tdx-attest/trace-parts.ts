// SPDX-License-Identifier: MIT
import {
  observedOne,
  type ObservedOutcome,
  type Trace,
  type TraceEvent,
} from '@kernel-models/model-core';
import type { driver, getquote, tsm } from '@kernel-models/tdx-attest';

/*
 * What of a trace of the report items other models explain, too: the driver below them, and the
 * handshake over the buffer that they ask for quotes with.
 */

type Observed = ObservedOutcome<tsm.TsmOutcome>;
type DriverEvent = TraceEvent<driver.DriverOperation, driver.DriverOutcome>;

/**
 * The part of a trace of the report items that is the driver's: loading, the ioctl, and what
 * TDCALLs answer. Whether the place of the report provider is free at a load is told from the
 * items made before.
 */
export function driverPart(
  trace: Trace<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome>,
): Trace<driver.Setup, driver.DriverOperation, driver.DriverOutcome> {
  const items = new Set<string>();
  const events: DriverEvent[] = [];
  for (const { operation, observed } of trace.events) {
    const worked = observed.kind === 'one' && observed.outcome.kind === 'value';
    if (operation.op === 'mkdir' && worked) items.add(operation.name);
    if (operation.op === 'rmdir' && worked) items.delete(operation.name);
    const mine = driverOperation(operation, items.size > 0);
    const seen = driverOutcome(observed);
    if (mine !== undefined && seen !== undefined) {
      events.push({ seq: events.length, operation: mine, observed: seen });
    }
  }
  const { tdxGuest, nameTaken, platform } = trace.setup;
  const setup = { tdxGuest, nameTaken, platform };
  return { ...trace, model: 'tdx-attest.driver', setup, events };
}

function driverOperation(
  operation: tsm.TsmOperation,
  taken: boolean,
): driver.DriverOperation | undefined {
  switch (operation.op) {
    case 'load': {
      const { fails = taken ? ('report-provider' as const) : undefined, tdcallStatus } = operation;
      return {
        op: 'load',
        ...(fails !== undefined && { fails }),
        ...(tdcallStatus !== undefined && { tdcallStatus }),
      };
    }
    case 'unload':
    case 'bind':
    case 'unbind':
    case 'ioctl':
    case 'device-call':
    case 'set-tdcall-status':
      return operation;
    default:
      return undefined;
  }
}

function driverOutcome(observed: Observed): ObservedOutcome<driver.DriverOutcome> | undefined {
  if (observed.kind === 'any') return observed;
  if (observed.kind === 'anyOf') return undefined;
  const { outcome } = observed;
  return outcome.kind === 'value' || outcome.kind === 'report' || outcome.kind === 'errno'
    ? observedOne(outcome)
    : undefined;
}

type GetQuoteEvent = TraceEvent<getquote.GetQuoteOperation, getquote.GetQuoteOutcome>;
type GetQuoteTrace = Trace<getquote.Setup, getquote.GetQuoteOperation, getquote.GetQuoteOutcome>;

/**
 * The part of a trace that is the handshake over the GetQuote buffer: every request of a kernel
 * whose host answered before the hypercall returned. What both sides do on the way is known from
 * the harness; what the kernel made of it in the end was observed. It ends where a trace comes to
 * an inblob that is written call by call, or a host that writes out of turn.
 */
export function handshakePart(
  trace: Trace<tsm.Setup, tsm.TsmOperation, tsm.TsmOutcome>,
): GetQuoteTrace {
  const events: GetQuoteEvent[] = [];
  const push = (
    operation: getquote.GetQuoteOperation,
    observed: ObservedOutcome<getquote.GetQuoteOutcome> = { kind: 'any' },
  ): void => {
    events.push({ seq: events.length, operation, observed });
  };
  let host = { status: 0n, delayed: false };
  const nonces = new Map<string, Uint8Array>();
  for (const { operation, observed } of trace.events) {
    if (operation.op === 'open' && operation.file === 'inblob') break;
    if (operation.op === 'host-writes') break;
    if (operation.op === 'write-inblob') nonces.set(operation.name, operation.content);
    if (operation.op === 'load' && isSuccess(observed)) {
      host = { status: 0n, delayed: false };
    }
    if (operation.op === 'set-host') {
      host = {
        status: operation.finalStatus ?? host.status,
        delayed: operation.delay === undefined ? host.delayed : operation.delay !== 'inside',
      };
    }
    if (operation.op !== 'read-outblob' || observed.kind !== 'one') continue;
    const { outcome } = observed;
    if (outcome.kind !== 'blob' || outcome.cost?.hypercalls !== 1 || host.delayed) continue;
    // A host that says that it is not done has not answered.
    if (outcome.cost.seconds > 0) continue;
    push({ op: 'guest-begin' });
    push({ op: 'guest-step' }, observedOne({ kind: 'hypercall', status: 0n }));
    const request = events.filter((event) => event.operation.op === 'guest-begin').length;
    push({ op: 'host-data', content: `quote-${request}` });
    push({ op: 'host-length', outLen: 'fits' });
    const status = host.status === 0n ? 'success' : 'error';
    push({ op: 'host-status', status });
    // The look, the status and the length, the check, and the first half of the copy.
    for (let access = 0; access < 4; access += 1) push({ op: 'guest-step' });
    const answered = isAnswerTo(outcome.head, nonces.get(operation.name));
    const content = answered ? (`quote-${request}` as const) : 'foreign';
    push(
      { op: 'guest-step' },
      observedOne({ kind: 'quote', content, outLen: 'fits', seen: status }),
    );
  }
  return { ...trace, model: 'tdx-attest.getquote', setup: { timeout: 2, honest: false }, events };
}

/** The harness answers with the complement of the nonce. */
function isAnswerTo(head: Uint8Array, nonce: Uint8Array = new Uint8Array()): boolean {
  return head.every((byte, index) => byte === ((nonce[index] ?? 0) ^ 0xff));
}

function isSuccess(observed: Observed): boolean {
  return observed.kind === 'one' && observed.outcome.kind === 'value';
}
