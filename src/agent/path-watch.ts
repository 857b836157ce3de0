/**
 * Hears from the file system that something changed at a path. It may hear nothing, where the path is not there or cannot be watched: whoever
 * uses it looks from time to time by itself, and calls `open` at each look, since the path may be made later, or anew.
 */
import { type FSWatcher, watch } from 'node:fs';

export class PathWatch {
  readonly #path: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;

  /** @param changed called for every change, also several times for one */
  constructor(path: string, changed: () => void) {
    this.#path = path;
    this.#changed = changed;
  }

  /** Idempotent. */
  open(): void {
    if (this.#watcher !== undefined) return;
    try {
      const watcher = watch(this.#path, { persistent: false }, () => this.#changed());
      this.#watcher = watcher;
      const forget = (): void => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      };
      watcher.on('error', forget);
      watcher.on('close', forget);
    } catch {
      this.#watcher = undefined;
    }
  }

  /** Until it is opened again. */
  close(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
