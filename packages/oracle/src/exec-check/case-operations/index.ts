// SPDX-License-Identifier: MIT
export * from './access.ts';
export * from './clients.ts';
export * from './credentials.ts';
export * from './descriptors.ts';
export * from './exec.ts';
export * from './files.ts';
export * from './main-file.ts';
export * from './notify.ts';
export * from './world.ts';
