/**
 * `runtimeClassName`: which of the runtime's handlers runs the pod. The class is looked up in the API before a sandbox is made; for the
 * pod's life it stays as it was then. Pods without a class cost nothing.
 */

import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { RuntimeClass } from '../../../api/schema/types/node-v1.ts';
import { hasReason } from '../../../api/status-error.ts';
import type { Client } from '../../../client/client.ts';
import { runtimeClasses } from '../../../client/resources.ts';
import type { SandboxConfig } from '../../runtime.ts';
import type { PodHook } from '../pod-hook.ts';
import { overheadLimits, sandboxLimits } from './sandbox-limits.ts';

export class RuntimeHandlers implements PodHook {
  readonly name = 'runtime class';
  readonly #client: Pick<Client, 'get'>;
  /** By pod uid. */
  readonly #handlers = new Map<string, string>();

  constructor(client: Pick<Client, 'get'>) {
    this.#client = client;
  }

  /** The empty one is the runtime's default. */
  of(pod: Pod): string {
    return this.#handlers.get(pod.metadata?.uid ?? '') ?? '';
  }

  async prepare(pod: Pod): Promise<void> {
    const className = pod.spec?.runtimeClassName;
    if (!className) return;
    const { handler } = await this.#lookUp(className);
    this.#handlers.set(pod.metadata?.uid ?? '', handler);
  }

  sandbox(config: SandboxConfig, pod: Pod): SandboxConfig {
    if (!pod.spec?.runtimeClassName) return config;
    const runtimeHandler = this.of(pod);
    const overhead = overheadLimits(pod);
    return {
      ...config,
      ...(runtimeHandler !== '' && { runtimeHandler }),
      ...(overhead !== undefined && { overhead }),
      resources: sandboxLimits(pod),
    };
  }

  async cleanUp(uid: string): Promise<void> {
    this.#handlers.delete(uid);
  }

  async #lookUp(name: string): Promise<RuntimeClass> {
    try {
      return await this.#client.get(runtimeClasses, { namespace: '', name });
    } catch (error) {
      if (hasReason(error, 'NotFound')) throw new Error(`RuntimeClass "${name}" not found`, { cause: error });
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`failed to lookup RuntimeClass ${name}: ${why}`, { cause: error });
    }
  }
}
