// SPDX-License-Identifier: MIT
import type { RevisionId } from '@kernel-models/model-core';
import { CR0_WP, type ControlState } from '@kernel-models/hw-model/cpu';
import { apply } from './apply.ts';
import type { Operation } from './operation.ts';
import type { Outcome } from './outcome.ts';
import { featuresOf } from './revisions.ts';
import type { Setup } from './setup.ts';
import { initialState, vcpuOf, type State } from './state.ts';
import type { Step } from './step.ts';

/** One operation and what it came to. */
export interface Done {
  readonly operation: Operation;
  readonly step: Step;
}

/** A virtual machine that remembers what was done to it: the model with a present tense. */
export class Machine {
  readonly revision: RevisionId;
  readonly #log: Done[] = [];
  #state: State;

  constructor(setup: Setup, revision: RevisionId) {
    this.revision = revision;
    this.#state = initialState(setup);
  }

  get state(): State {
    return this.#state;
  }

  /** Everything that was done, in order. */
  get log(): readonly Done[] {
    return this.#log;
  }

  do(operation: Operation): Outcome {
    const step = apply(this.#state, operation, this.revision);
    this.#state = step.state;
    this.#log.push({ operation, step });
    return step.outcome;
  }

  /** Does what completes, and leaves alone what would not. */
  attempt(operation: Operation): void {
    const { outcome } = apply(this.#state, operation, this.revision);
    if (outcome.kind === 'done') this.do(operation);
  }

  cpu(vcpu: number): ControlState {
    return vcpuOf(this.#state, vcpu).cpu;
  }

  /** Whether anything ever came to an outcome of a kind. */
  saw(kind: Outcome['kind']): boolean {
    return this.#log.some(({ step }) => step.outcome.kind === kind);
  }

  /** Whether the first vCPU has anything pinned. */
  isPinned(): boolean {
    const { pins } = vcpuOf(this.#state, 0);
    const { vmPins } = this.#state;
    return (pins.cr0.high | pins.cr4.high | vmPins.cr0.high | vmPins.cr4.high) !== 0n;
  }

  /** Pins by hand what a kernel that pins by default would have pinned. */
  pinEverything(): void {
    const features = featuresOf(this.revision);
    const { msrs, request } = features;
    const cr4 = this.cpu(0).cr4 & features.allowedCr4;
    if (request === 'hypercall') {
      this.do({ op: 'hypercall', vcpu: 0, nr: 13, arguments: [0n, CR0_WP, 0n] });
      this.do({ op: 'hypercall', vcpu: 0, nr: 13, arguments: [4n, cr4, 0n] });
    } else if (request !== 'none') {
      if (request === 'mask-value' && msrs.cr0Low !== undefined && msrs.cr4Low !== undefined) {
        this.do({ op: 'wrmsr', vcpu: 0, msr: msrs.cr0Low, value: CR0_WP });
        this.do({ op: 'wrmsr', vcpu: 0, msr: msrs.cr4Low, value: cr4 });
      }
      this.do({ op: 'wrmsr', vcpu: 0, msr: msrs.cr0High, value: CR0_WP });
      this.do({ op: 'wrmsr', vcpu: 0, msr: msrs.cr4High, value: cr4 });
    }
  }
}
