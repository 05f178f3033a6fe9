// SPDX-License-Identifier: MIT
export { buildProbe, type BuildOptions } from './build.ts';
export { builtOnce, type Recipe } from './built-once.ts';
export { cacheFolder } from './cache.ts';
export { compilerCommand, compilerFailure } from './compiler.ts';
export { cpioArchive, type InitramfsEntry } from './cpio.ts';
export { kernelTransport, type KernelOptions } from './kernel.ts';
export { localTransport, type Host, type LocalOptions } from './local.ts';
export { probeTarget, type ProbeSubsystem } from './probe-target.ts';
export { type Hello, type ProbeLine, PROTOCOL_VERSION } from './protocol.ts';
export { ProbeSession, type ProbeAnswer, type ProbeCase } from './session.ts';
export type { Link, Transport } from './transport.ts';
export { Unavailable } from './unavailable.ts';
export { bootstrapScript, viaTransport } from './via.ts';
export { decodeWords, encodeWords } from './words.ts';
