// SPDX-License-Identifier: MIT
import type { Errno, Step } from '@kernel-models/model-core';

/*
 * The handshake over the shared buffer, at the grain of single accesses to it: what a host can do
 * between any two of them. Contents are labels, so that whole spaces of schedules can be walked.
 */

/** What lies in the buffer behind its header. */
export type Content =
  | 'zero'
  /** The TDREPORT of the guest's request of that number. */
  | `report-${number}`
  /** A quote over the TDREPORT of that request. */
  | `quote-${number}`
  /** A quote over another TD's report. */
  | 'foreign'
  /** Half of one thing, half of another. */
  | 'torn';

/** How long the answer is, by what the host says. */
export type Length = 'none' | 'fits' | 'too-long';

/** Status word of the buffer. */
export type Status = 'success' | 'error' | 'unavailable' | 'in-flight';

/** What guest and host share. */
export interface SharedBuffer {
  readonly status: Status;
  readonly outLen: Length;
  /** First and second half of the data: a copy of it is not one access. */
  readonly data: readonly [Content, Content];
}

/**
 * Where the guest's driver stands. Each step between two of these touches the buffer at most once.
 */
export type GuestPhase =
  | { readonly at: 'idle' }
  /** The buffer is filled; the hypercall is next. */
  | { readonly at: 'filled' }
  /** Looking once a second. */
  | { readonly at: 'polling'; readonly looks: number }
  | { readonly at: 'status-read' }
  /** Read for the check. */
  | { readonly at: 'length-read'; readonly outLen: Length }
  /** Checked, or not; `outLen` is what will be copied. */
  | { readonly at: 'copying'; readonly outLen: Length; readonly first?: Content };

/** What came of the last request. */
export type Result =
  | { readonly kind: 'errno'; readonly errno: Errno }
  /** Bytes were handed out: what, how far, and by what status at that time. */
  | {
      readonly kind: 'quote';
      readonly content: Content;
      readonly outLen: Length;
      /** What the driver saw when it stopped waiting. */
      readonly seen: Status;
    };

/** The two sides and what they share. */
export interface GetQuoteState {
  readonly buffer: SharedBuffer;
  readonly guest: GuestPhase;
  /** Number of the guest's last request, from 1; 0 before any. */
  readonly request: number;
  /** Seconds that the guest waits at most. */
  readonly timeout: number;
  /** What the driver saw when it stopped waiting, until the request ends. */
  readonly seen: Status | null;
  /** Requests that the host has accepted and can answer. */
  readonly accepted: readonly number[];
  /** Vector of SetupEventNotifyInterrupt, or null: Linux never sets one. */
  readonly notifyVector: number | null;
  /** Interrupts that were raised and not yet taken. */
  readonly pendingInterrupts: number;
  readonly result: Result | null;
  /** Whether the host keeps to the contract in what it does next. */
  readonly honest: boolean;
}

/** A step of the handshake. */
export type GetQuoteStep = Step<GetQuoteState, GetQuoteOutcome>;

/** What an actor is told. */
export type GetQuoteOutcome =
  | { readonly kind: 'done' }
  /** R10 of a hypercall. */
  | { readonly kind: 'hypercall'; readonly status: bigint }
  | { readonly kind: 'errno'; readonly errno: Errno }
  | Extract<Result, { readonly kind: 'quote' }>
  /** The guest still waits. */
  | { readonly kind: 'waiting' }
  /** It is not this actor's turn, or an honest host does not do that. */
  | { readonly kind: 'refused' };

/** A move of one side. */
export type GetQuoteOperation =
  /** The guest begins a request: it fills the buffer. */
  | { readonly op: 'guest-begin' }
  /** The guest makes its next access: hypercall, look, read, copy. */
  | { readonly op: 'guest-step' }
  /** A second passes for a guest that waits, and it looks. */
  | { readonly op: 'guest-second' }
  /** A signal reaches the guest while it waits. */
  | { readonly op: 'guest-signal' }
  /** TDG.VP.VMCALL<SetupEventNotifyInterrupt>. */
  | { readonly op: 'guest-set-vector'; readonly vector: number }
  /** The guest's handler runs. */
  | { readonly op: 'guest-interrupt' }
  /** The host answers a request that it has accepted, as the contract says. */
  | { readonly op: 'host-answer'; readonly request: number; readonly status: Status }
  /** The host writes one field, against the contract. */
  | { readonly op: 'host-status'; readonly status: Status }
  | { readonly op: 'host-length'; readonly outLen: Length }
  | { readonly op: 'host-data'; readonly content: Content }
  /** The host raises the vector without reason. */
  | { readonly op: 'host-interrupt' };
