// SPDX-License-Identifier: MIT
import type { FsnotifyEvent, WatchEvents } from './outcome.ts';
import type { InodeId, State } from './state.ts';

/** What happened to files during one call, in order. */
export type EventLog = { readonly inode: InodeId; readonly event: FsnotifyEvent }[];

/**
 * What each inotify watch saw; runs of equal events are one, as inotify merges them in its queue.
 */
export function watchEvents(state: State, log: EventLog): readonly WatchEvents[] | undefined {
  if (log.length === 0) return undefined;
  const seen: WatchEvents[] = [];
  for (const watch in state.watches) {
    const events: FsnotifyEvent[] = [];
    for (const { inode, event } of log) {
      if (inode === state.watches[watch] && events.at(-1) !== event) events.push(event);
    }
    if (events.length > 0) seen.push({ watch: Number(watch), events });
  }
  return seen.length === 0 ? undefined : seen;
}
