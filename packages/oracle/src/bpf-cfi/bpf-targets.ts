// SPDX-License-Identifier: MIT
import {
  ARGUMENT_OBJECT,
  bpfCfi,
  fromHex,
  maskedHex,
  type Operation,
  type Outcome,
  type Seen,
  type Setup,
} from '@kernel-models/bpf-cfi';
import type { Json, JsonObject, RevisionId } from '@kernel-models/model-core';
import { bochsKernelTransport } from '../bochs/linux.ts';
import { kernelTransport } from '../probe/kernel.ts';
import { localTransport } from '../probe/local.ts';
import { probeTarget, type ProbeSubsystem } from '../probe/probe-target.ts';
import type { Hello } from '../probe/protocol.ts';
import type { Transport } from '../probe/transport.ts';
import { viaTransport } from '../probe/via.ts';
import type { TargetOptions } from '../subsystem.ts';
import type { Case, Target } from '../target.ts';
import { DEFAULT_PARAMETER, PLAIN_BUILD } from './bpf-cases.ts';
import { kernelCode } from './kernel-code.ts';

type BpfTarget = Target<Setup, Operation, Outcome>;

/**
 * The running kernel, or the ones that the command line names. On this host nothing is registered
 * unless `--host-visible` allows it: for as long as a case runs, every process finds the algorithm
 * in net.ipv4.tcp_available_congestion_control.
 */
export function bpfTargets({ via, kernel, hostVisible }: TargetOptions): readonly BpfTarget[] {
  const transports: Transport[] = [
    ...(via === undefined ? [] : [viaTransport(bpfCfi.name, via)]),
    ...(kernel === undefined
      ? []
      : [kernelTransport(bpfCfi.name, kernel, { parameters: `cfi=${DEFAULT_PARAMETER}` })]),
  ];
  if (transports.length > 0) return transports.map((one) => probeTarget(SUBSYSTEM, one));
  const here = hostVisible === true ? SUBSYSTEM : { ...SUBSYSTEM, lacks: missingInPrivate };
  return [probeTarget(here, localTransport(bpfCfi.name))];
}

/** A kernel image that boots with parameters of its own, such as `cfi=off`. */
export function bpfKernelTarget(image: string, parameters: string): BpfTarget {
  return probeTarget(SUBSYSTEM, kernelTransport(bpfCfi.name, image, { parameters }));
}

/** The same in Bochs, whose CPU tracks indirect branches. */
export function bpfBochsTarget(image: string, parameters: string): BpfTarget {
  return probeTarget(SUBSYSTEM, bochsKernelTransport(bpfCfi.name, image, { parameters }));
}

const SUBSYSTEM: ProbeSubsystem<Setup, Operation, Outcome> = {
  model: bpfCfi.name,
  decodeOutcome,
  encodeSetup: (setup) => object(bpfCfi.codec.encodeSetup(setup)),
  encodeOperation: (operation) => object(bpfCfi.codec.encodeOperation(operation)),
  revisionOf: ({ release }) => revisionOfRelease(release),
  configOf: ({ facts }) => CONFIG_FACTS.map((name) => `${name}=${String(facts[name])}`).join(' '),
  requires: ({ facts }) =>
    facts['jit'] === true ? undefined : 'CAP_BPF, net.core.bpf_jit_enable and kernel.kptr_restrict',
  worldsOf: (hello) => [worldOf(hello), ...packedWorlds(hello)],
  lacks: missing,
};

/** The build that a kernel is, as far as it shows. */
function worldOf({ facts }: Hello): Setup {
  const is = (name: string): boolean => facts[name] === true;
  const plain: Setup = {
    ...PLAIN_BUILD,
    ...{ ibt: is('ibt'), returnThunk: is('returnThunk'), sls: is('sls') },
    cpu: { ibt: is('cpuIbt'), fred: is('cpuFred') },
  };
  if (!is('cfi')) return plain;
  const own = { fineibt: is('fineibt'), padding: is('padding'), retpoline: is('retpoline') };
  return { ...plain, cfi: true, autoDefault: choseFineibt(facts), ...own };
}

/** The same with what boot has left in packs, where the kernel says it. */
function packedWorlds(hello: Hello): readonly Setup[] {
  const { packed } = hello.facts;
  if (packed === undefined) return [];
  const world = object(bpfCfi.codec.encodeSetup(worldOf(hello)));
  return [bpfCfi.codec.decodeSetup({ ...world, packed })];
}

/**
 * CONFIG_CFI_AUTO_DEFAULT, as far as it shows: FineIBT where the command line asked for no scheme.
 * On a CPU without IBT it makes no difference.
 */
function choseFineibt({ mode, parameter }: Hello['facts']): boolean {
  const asked = String(parameter)
    .split(',')
    .some((word) => ['auto', 'off', 'kcfi', 'fineibt'].includes(word));
  return mode === 'FINEIBT' && !asked;
}

/** What the probe says of a kernel, for the provenance of recordings. */
const CONFIG_FACTS = [
  ...(['ibt', 'returnThunk', 'sls', 'cpuIbt', 'cfi', 'fineibt', 'padding', 'retpoline'] as const),
  ...(['mode', 'seed', 'parameter'] as const),
] as const;

/** Addresses in an image differ from boot to boot: both sides show them as question marks. */
function decodeOutcome(json: Json): Outcome {
  const { code, rest } = kernelCode(json);
  const outcome = bpfCfi.codec.decodeOutcome(rest);
  if (outcome.kind === 'traced') return { ...outcome, seen: outcome.seen.map(withoutPointer) };
  if (outcome.kind !== 'image') return outcome;
  return { kind: 'image', bytes: maskedHex(code ?? fromHex(outcome.bytes)) };
}

/** The lowest address of the kernel's half, with four levels of page tables. */
const KERNEL_HALF = 0xffff_8000_0000_0000n;
/** Above it lie no objects. Origin: __START_KERNEL_map, Documentation/arch/x86/x86_64/mm.rst. */
const KERNEL_TEXT = 0xffff_ffff_8000_0000n;

/**
 * An argument that points to something shows as a pointer to the object of the model’s arguments.
 * Nothing else that a test run passes lies there, and no cookie does.
 */
function withoutPointer(one: Seen): Seen {
  const points = one.value >= KERNEL_HALF && one.value < KERNEL_TEXT;
  return points ? { ...one, value: ARGUMENT_OBJECT } : one;
}

function object(json: Json): JsonObject {
  return json as JsonObject;
}

/** Operations that user space can do. */
const EXECUTABLE: ReadonlySet<Operation['op']> = new Set([
  ...(['boot', 'load', 'unload', 'image', 'text', 'testRun', 'dispatch'] as const),
  ...(['call', 'function', 'site'] as const),
  ...(['allocation', 'packs', 'jitLimit', 'tailSet'] as const),
  ...(['mapCreate', 'mapLookup', 'mapUpdate', 'mapDelete'] as const),
  ...(['linkCreate', 'linkClose', 'trampoline'] as const),
  ...(['attach', 'detach', 'tracer', 'testRunTracing'] as const),
]);

/** Those of them that others can see. */
const VISIBLE: ReadonlySet<Operation['op']> = new Set(['mapUpdate', 'linkCreate'] as const);

/** What a case lacks where nobody else may notice it. */
function missingInPrivate(candidate: Case<Setup, Operation>, hello: Hello): string | undefined {
  const seen = candidate.operations.some(({ op }) => VISIBLE.has(op));
  return missing(candidate, hello) ?? (seen ? '--host-visible' : undefined);
}

/** What a kernel would have to be for a case; undefined where it is. */
function missing(
  { setup, operations }: Case<Setup, Operation>,
  { facts }: Hello,
): string | undefined {
  if (setup.cfi !== facts['cfi']) return `CONFIG_CFI=${setup.cfi ? 'y' : 'n'}`;
  if (setup.ibt !== facts['ibt']) return `CONFIG_X86_KERNEL_IBT=${setup.ibt ? 'y' : 'n'}`;
  if (setup.returnThunk !== facts['returnThunk']) {
    return `a return thunk ${setup.returnThunk ? 'in use' : 'not in use'}`;
  }
  if (!setup.returnThunk && setup.sls !== facts['sls']) {
    return `CONFIG_MITIGATION_SLS=${setup.sls ? 'y' : 'n'}`;
  }
  if (setup.cpu.ibt !== facts['cpuIbt'] || setup.cpu.fred !== facts['cpuFred']) {
    return `a CPU ${setup.cpu.ibt ? 'with' : 'without'} IBT, or another way of events`;
  }
  const other = operations.find(({ op }) => !EXECUTABLE.has(op));
  if (other !== undefined) return `an executor of ${other.op}`;
  return setup.cfi ? missingOfCfi(setup, operations, facts) : undefined;
}

/** What a kernel that checks calls would have to be besides. */
function missingOfCfi(
  setup: Setup,
  operations: readonly Operation[],
  facts: Hello['facts'],
): string | undefined {
  if (setup.padding !== facts['padding']) return `CONFIG_CALL_PADDING=${setup.padding ? 'y' : 'n'}`;
  if (setup.fineibt !== facts['fineibt']) return `CONFIG_FINEIBT=${setup.fineibt ? 'y' : 'n'}`;
  if (setup.retpoline !== facts['retpoline']) {
    return `retpolines ${setup.retpoline ? 'in use' : 'not in use'}`;
  }
  // Nothing tells of the first two but a failure, and of the others but what they were chosen for.
  if (setup.permissive || setup.alignment !== 16 || setup.bhi) return 'a build of another kind';
  const boot = operations.find(({ op }) => op === 'boot');
  if (boot?.op !== 'boot') return 'a kernel that does not boot';
  const parameter = boot.cfi === undefined ? '' : boot.cfi;
  if (parameter !== facts['parameter']) return `cfi=${parameter} on the command line`;
  const seed = `0x${boot.seed.toString(16)}`;
  return facts['seed'] === '0x0' || facts['seed'] === seed ? undefined : 'the seed that it drew';
}

/** The revision that describes a release of Linux; undefined where none does. */
export function revisionOfRelease(release: string): RevisionId | undefined {
  const match = /^6\.(\d+)/.exec(release);
  const minor = Number(match?.[1]);
  if (match === null || minor < 7) return undefined;
  if (minor >= 18) return 'linux-6.18';
  if (minor >= 15) return 'linux-6.15';
  if (minor >= 13) return 'linux-6.13';
  if (minor >= 11) return 'linux-6.12';
  return `linux-6.${minor}`;
}
