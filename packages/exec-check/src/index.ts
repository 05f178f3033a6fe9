// SPDX-License-Identifier: MIT
export * from './capability.ts';
export { codec } from './codec.ts';
export * from './constants.ts';
export { argvHash, contentBytes } from './content.ts';
export { isLive, isLiveSetup } from './is-live.ts';
export * from './operation.ts';
export * from './outcome.ts';
export { featuresOf, REVISIONS, type Features } from './revisions.ts';
export * from './setup.ts';
