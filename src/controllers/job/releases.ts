/**
 * Pods whose tracking finalizer was taken away and whose cache does not show that yet, by the key of their Job. Without them, a cache that lags
 * would show ends that are counted already as news.
 */
export class Releases {
  readonly #uids = new Map<string, Set<string>>();

  /** As of now: it belongs to a look at the cache, and what is seen after that look must not change it. */
  of(key: string): ReadonlySet<string> {
    const uids = this.#uids.get(key);
    return uids === undefined ? none : new Set(uids);
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
