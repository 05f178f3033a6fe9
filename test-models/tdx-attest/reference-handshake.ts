// SPDX-License-Identifier: MIT
import type { getquote } from '@kernel-models/tdx-attest';

/*
 * The GetQuote handshake once more, naively: the driver is one coroutine that reads as its C
 * would, and stops before each access to shared memory; the host is whoever writes in between.
 * Shares no code with the model, and no table of what the kernels do.
 */

/** What the kernels do differently. */
interface Kernel {
  readonly refusesLongAnswers: boolean;
  readonly readsLengthTwice: boolean;
  readonly refusesFailures: boolean;
  readonly countsTimeoutsRight: boolean;
}

const AS_MERGED: Kernel = {
  refusesLongAnswers: false,
  readsLengthTwice: true,
  refusesFailures: false,
  countsTimeoutsRight: false,
};
const BOUNDED: Kernel = { ...AS_MERGED, refusesLongAnswers: true, readsLengthTwice: false };
const KERNELS: Readonly<Record<string, Kernel>> = {
  'linux-6.7': AS_MERGED,
  'linux-6.12': BOUNDED,
  'linux-6.16': AS_MERGED,
  'linux-7.0': { ...BOUNDED, refusesFailures: true },
  'linux-7.0-fixed': { ...BOUNDED, refusesFailures: true, countsTimeoutsRight: true },
};

/** The kernels that the reference plays. */
export const REFERENCE_KERNELS: readonly string[] = Object.keys(KERNELS);

type Answer = getquote.GetQuoteOutcome;
/** Who lets the driver go on: its own next access, a second that passed, or a signal. */
type Wake = 'access' | 'second' | 'signal';

const done: Answer = { kind: 'done' };
const refused: Answer = { kind: 'refused' };
const failed = (errno: 'EINTR' | 'ETIMEDOUT' | 'EIO' | 'EFBIG' | 'EBUSY'): Answer => ({
  kind: 'errno',
  errno,
});

/** Nothing but the driver's own next access gets it on from here. */
function* untilAccess(answer: Answer): Generator<Answer, void, Wake> {
  let wake = yield answer;
  while (wake !== 'access') wake = yield refused;
}

/** One guest, one host, the memory that they share. */
export class ReferenceHandshake {
  status: getquote.Status = 'success';
  length: getquote.Length = 'none';
  halves: [getquote.Content, getquote.Content] = ['zero', 'zero'];
  private readonly kernel: Kernel;
  private readonly patience: number;
  private readonly honest: boolean;
  private driver: Generator<Answer, Answer, Wake> | undefined;
  private requests = 0;
  private readonly held = new Set<number>();
  private vector: number | undefined;
  private raised = 0;

  constructor(kernel: string, patience: number, honest: boolean) {
    const known = KERNELS[kernel];
    if (known === undefined) throw new RangeError(`reference: ${kernel} is not played`);
    this.kernel = known;
    this.patience = patience;
    this.honest = honest;
  }

  do(operation: getquote.GetQuoteOperation): Answer {
    switch (operation.op) {
      case 'guest-begin': {
        if (this.driver !== undefined) return refused;
        if (this.status === 'in-flight') return failed('EBUSY');
        this.requests += 1;
        this.driver = this.request(this.requests);
        return this.goOn('access');
      }
      case 'guest-step':
        return this.goOn('access');
      case 'guest-second':
        return this.goOn('second');
      case 'guest-signal':
        return this.goOn('signal');
      case 'guest-set-vector':
        if (operation.vector < 32 || operation.vector > 255) {
          return { kind: 'hypercall', status: 1n << 63n };
        }
        this.vector = operation.vector;
        return { kind: 'hypercall', status: 0n };
      case 'guest-interrupt':
        if (this.raised === 0) return refused;
        this.raised -= 1;
        return done;
      default:
        return this.host(operation);
    }
  }

  private goOn(wake: Wake): Answer {
    const { done: ended, value } = this.driver?.next(wake) ?? { value: refused };
    if (ended === true) this.driver = undefined;
    return value;
  }

  private *request(number: number): Generator<Answer, Answer, Wake> {
    this.fill(`report-${number}`);
    yield* untilAccess(done);
    this.hypercall(number);

    let seconds = 0;
    let wake = yield { kind: 'hypercall', status: 0n };
    let busy: boolean;
    for (;;) {
      if (wake === 'signal') return failed('EINTR');
      if (wake === 'second') seconds += 1;
      busy = this.status === 'in-flight';
      if (!busy || seconds >= this.patience) break;
      wake = yield { kind: 'waiting' };
    }
    // The loop's counter is compared once more behind it, where it means something else.
    const givesUp = this.kernel.countsTimeoutsRight ? busy : !busy && seconds === this.patience;
    if (givesUp) return failed('ETIMEDOUT');

    yield* untilAccess(done);
    if (this.kernel.refusesFailures && this.status !== 'success') return failed('EIO');
    const seen = this.status;
    let { length } = this;

    yield* untilAccess(done);
    if (this.kernel.refusesLongAnswers && length === 'too-long') return failed('EFBIG');
    if (this.kernel.readsLengthTwice) length = this.length;

    yield* untilAccess(done);
    const [first] = this.halves;

    yield* untilAccess(done);
    const content = first === this.halves[1] ? first : 'torn';
    return { kind: 'quote', content, outLen: length, seen };
  }

  private fill(content: getquote.Content): void {
    [this.status, this.length] = ['success', 'none'];
    this.halves = [content, content];
  }

  private hypercall(number: number): void {
    this.status = 'in-flight';
    this.held.add(number);
  }

  private host(operation: Extract<getquote.GetQuoteOperation, { op: `host-${string}` }>): Answer {
    if (operation.op === 'host-answer') return this.answer(operation);
    if (this.honest) return refused;
    if (operation.op === 'host-status') this.status = operation.status;
    if (operation.op === 'host-length') this.length = operation.outLen;
    if (operation.op === 'host-data') this.halves = [operation.content, operation.content];
    if (operation.op === 'host-interrupt') this.interrupt();
    return done;
  }

  private answer({
    request,
    status,
  }: Extract<getquote.GetQuoteOperation, { op: 'host-answer' }>): Answer {
    if (!this.held.has(request)) return refused;
    if (this.honest) {
      const owed = request === this.requests && this.status === 'in-flight';
      if (!owed || status === 'in-flight') return refused;
      this.held.delete(request);
    }
    this.length = 'none';
    if (status === 'success') {
      this.halves = [`quote-${request}`, `quote-${request}`];
      this.length = 'fits';
    }
    this.status = status;
    this.interrupt();
    return done;
  }

  private interrupt(): void {
    if (this.vector !== undefined) this.raised += 1;
  }
}
