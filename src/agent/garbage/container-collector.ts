/**
 * Frees what containers of ended pods still hold: their layers and logs. They are kept for `kubectl logs` until the pod is deleted; when the
 * disk runs full they go earlier, as upstream's do. The pods' statuses stay as they are.
 */
import type { LogSource } from '../logs/log-source.ts';
import type { PodIdentity, Runtime } from '../runtime.ts';
import { unusedOf } from './decide-garbage.ts';

export interface CollectorOptions {
  readonly runtime: Runtime;
  readonly logs: LogSource;
  readonly pods: () => readonly { readonly identity: PodIdentity; readonly isCleanedUp: boolean }[];
}

/** Resolves with how many containers went. @throws Error of the first that could not be removed, after all were tried */
export async function collectContainers({ runtime, logs, pods }: CollectorOptions): Promise<number> {
  const over = new Set(pods().flatMap(({ identity, isCleanedUp }) => (isCleanedUp ? [identity.uid] : [])));
  const { containers, sandboxIds } = unusedOf(await runtime.state(), (uid) => over.has(uid));
  const errors: unknown[] = [];
  const attempt = (act: () => Promise<void>): Promise<void> => act().catch((error: unknown) => void errors.push(error));
  for (const run of containers) {
    await attempt(async () => {
      await runtime.removeContainer(run.id);
      await logs.removeRun(run);
    });
  }
  for (const id of sandboxIds) await attempt(() => runtime.removeSandbox(id));
  if (errors.length > 0) throw errors[0];
  return containers.length;
}
