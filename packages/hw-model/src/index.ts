// SPDX-License-Identifier: MIT
export * as cpu from './cpu/index.ts';
export * as tdx from './tdx/index.ts';
