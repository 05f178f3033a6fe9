// SPDX-License-Identifier: MIT
export * as cpu from './cpu/index.ts';
export * as instructions from './instructions/index.ts';
export * as tdx from './tdx/index.ts';
