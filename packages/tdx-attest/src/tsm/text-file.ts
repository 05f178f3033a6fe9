// SPDX-License-Identifier: MIT
import type { FileOperation, ItemOperation } from './operation.ts';
import { isPositionHeld, itemOf, withFile } from './outblob.ts';
import type { Item, OpenFile, TsmState } from './state.ts';
import { blocked, refuse, step, type TsmStep } from './step.ts';

/*
 * The two files of an item that are text: generation and provider. Reads beside
 * configfs_read_iter(), fs/configfs/file.c: the first read fills a buffer, and the file shows that
 * buffer from then on.
 */

type Of<Op extends ItemOperation['op']> = Extract<ItemOperation, { readonly op: Op }>;

/** Reads the generation, in decimal. */
export function readGeneration(state: TsmState, { name }: Of<'read-generation'>): TsmStep {
  const item = state.items[name];
  if (item === undefined) return refuse(state, 'ENOENT', 'open.missing');
  return show(state, item, 'generation');
}

/** Reads the name of the provider. */
export function readProvider(state: TsmState, { name }: Of<'read-provider'>): TsmStep {
  const item = state.items[name];
  if (item === undefined) return refuse(state, 'ENOENT', 'open.missing');
  return show(state, item, 'provider');
}

/** Mirrors tsm_report_generation_show() and tsm_report_provider_show(), tsm.c. */
function show(state: TsmState, item: Item, file: 'generation' | 'provider'): TsmStep {
  if (state.waiting !== null) return blocked(state);
  if (file === 'generation') {
    const text = `${item.writeGeneration}\n`;
    return step(state, { kind: 'text', text }, 'generation.value');
  }
  if (!state.provider) return refuse(state, 'ENXIO', 'provider.none');
  return step(state, { kind: 'text', text: 'tdx_guest\n' }, 'provider.name', PROVIDER_TRAIL);
}

const PROVIDER_TRAIL = Object.freeze(['provider.none']);

/** An open file that is text. */
export type OpenText = OpenFile & { readonly file: 'generation' | 'provider' };

/** Whether an open file is text. */
export function isText(file: OpenFile | undefined): file is OpenText {
  return file?.file === 'generation' || file?.file === 'provider';
}

/** read(2) of a text file. */
export function readText(
  state: TsmState,
  file: OpenText,
  { fd, size }: Extract<FileOperation, { readonly op: 'read' }>,
): TsmStep {
  if (file.shown !== null) return readOn(state, fd, file, file.shown, size);
  const item = itemOf(state, file);
  if (item === undefined) return refuse(state, 'ENOENT', 'file.item-gone');
  const shown = show(state, item, file.file);
  if (shown.outcome.kind !== 'text') return shown;
  const first = readOn(state, fd, file, shown.outcome.text, size);
  return { ...first, rule: shown.rule, trail: shown.trail };
}

/** The part of the buffer behind the file's position. */
function readOn(state: TsmState, fd: number, file: OpenText, shown: string, size: number): TsmStep {
  const text = shown.slice(file.position, file.position + size);
  const read = withFile(state, fd, { ...file, shown, position: file.position + text.length });
  return step(read, { kind: 'text', text }, 'read.snapshot');
}

/** lseek(2) to the start. The text files alone have a position that can be set. */
export function rewind(state: TsmState, fd: number): TsmStep {
  const file = state.files[fd];
  if (file === undefined) return refuse(state, 'EBADF', 'file.bad-descriptor');
  if (isPositionHeld(state, fd)) return blocked(state);
  if (!isText(file)) return refuse(state, 'ESPIPE', 'file.no-seek');
  const rewound = withFile(state, fd, { ...file, position: 0 });
  return step(rewound, { kind: 'value', value: 0n }, 'file.rewound');
}
