/** Which PersistentVolumes the pods of this node use: one that is for a single pod is given to a single pod. In memory: pods tell it anew after a restart. */

export class VolumeBook {
  readonly #users = new Map<string, Set<string>>();

  /** Does a pod other than `uid` use it? */
  isUsedElsewhere(volumeName: string, uid: string): boolean {
    const users = this.#users.get(volumeName);
    return users !== undefined && (users.size > 1 || !users.has(uid));
  }

  use(volumeName: string, uid: string): void {
    const users = this.#users.get(volumeName) ?? new Set();
    this.#users.set(volumeName, users.add(uid));
  }

  release(uid: string): void {
    for (const [name, users] of this.#users) if (users.delete(uid) && users.size === 0) this.#users.delete(name);
  }
}
