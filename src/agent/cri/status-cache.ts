/**
 * Spares calls: a list gives ids and states, the rest takes one call for each container. A status is kept for as long as
 * the list shows the state that it was read in, and forgotten when the container is no longer listed. So a look at a node
 * where nothing changed costs two calls, however many pods it runs.
 */
import type { ContainerState, ContainerStatus } from '../runtime.ts';

export class StatusCache {
  readonly #statuses = new Map<string, ContainerStatus>();
  readonly #sandboxIps = new Map<string, readonly string[]>();

  /** Undefined where it must be read anew. */
  container(id: string, listedState: ContainerState): ContainerStatus | undefined {
    const status = this.#statuses.get(id);
    return status !== undefined && status.state === listedState && listedState !== 'unknown' ? status : undefined;
  }

  keepContainer(status: ContainerStatus): void {
    this.#statuses.set(status.id, status);
  }

  /** Something else than its state changed. */
  forgetContainer(id: string): void {
    this.#statuses.delete(id);
  }

  /** A sandbox keeps its addresses as long as it is ready. */
  ips(sandboxId: string): readonly string[] | undefined {
    return this.#sandboxIps.get(sandboxId);
  }

  keepIps(sandboxId: string, ips: readonly string[]): void {
    this.#sandboxIps.set(sandboxId, ips);
  }

  /** After a list of everything: forgets what it did not hold. */
  retain(sandboxIds: ReadonlySet<string>, containerIds: ReadonlySet<string>): void {
    for (const id of this.#statuses.keys()) if (!containerIds.has(id)) this.#statuses.delete(id);
    for (const id of this.#sandboxIps.keys()) if (!sandboxIds.has(id)) this.#sandboxIps.delete(id);
  }
}
