/**
 * Pods whose tracking finalizer was taken away and whose cache does not show that yet, by the key of their Job. Without them, a cache that lags
 * would show ends that are counted already as news.
 */
export class Releases {
  readonly #uids = new Map<string, Set<string>>();

  of(key: string): ReadonlySet<string> {
    return this.#uids.get(key) ?? none;
  }

  /** Before asking, or the answer may be seen first. */
  expect(key: string, uid: string): void {
    const uids = this.#uids.get(key);
    if (uids === undefined) this.#uids.set(key, new Set([uid]));
    else uids.add(uid);
  }

  /** Seen; or not to be seen, because asking failed. */
  seen(key: string, uid: string): void {
    const uids = this.#uids.get(key);
    uids?.delete(uid);
    if (uids?.size === 0) this.#uids.delete(key);
  }
}

const none: ReadonlySet<string> = new Set();
