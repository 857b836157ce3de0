/**
 * A pod's life on the node as an ordered list of hooks: each is one concern (host ports, resources, devices, volumes, cgroups, …) in a file
 * of its own, and says what it does at each station. `agent.ts` puts the list together; the pod worker walks it.
 *
 * ```
 *   new pod ──▶ admit ──▶ prepare ──▶ [sandbox] ──▶ container (each run of each) ──▶ … ──▶ leave ──▶ release ──▶ cleanUp
 *               in order  in order                  in order                               together  in reverse  in reverse
 * ```
 * Kept true: every station is idempotent, since an agent that starts anew walks them again for pods that run; `admit` alone is
 * synchronous, so that two new pods never take the same thing.
 */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { ContainerConfig, PodIdentity, SandboxConfig } from '../runtime.ts';

/** Why a node does not take a pod: `status.reason`, and what comes after `Pod was rejected: `. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

export interface ContainerHookTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly identity: PodIdentity;
  readonly attempt: number;
  readonly sandboxId: string;
  readonly podIps: readonly string[];
}

export interface PodHook {
  readonly name: string;
  /** Of the event, and of the status, where `prepare` fails; `FailedCreatePodSandBox` where absent. */
  readonly failureReason?: string;
  /** Before the message: `prepare dynamic resources` gives `Failed to prepare dynamic resources: …`. */
  readonly failurePrefix?: string;
  /**
   * Asked once of each pod that is new here, also after a restart of the agent: a pod that has a `status.startTime` runs already, and is only
   * to be noted. `active` are the admitted pods that have not ended, without this one.
   */
  admit?(pod: Pod, active: readonly Pod[]): Refusal | undefined;
  /** Before the pod's sandbox is made. @throws Error that says why it cannot be yet; it is tried again */
  prepare?(pod: Pod, identity: PodIdentity): Promise<void>;
  /** What the sandbox is made with. */
  sandbox?(config: SandboxConfig, pod: Pod): SandboxConfig | Promise<SandboxConfig>;
  /** What one run of a container is made with. @throws ConfigError, which the status shows as `CreateContainerConfigError` */
  container?(config: ContainerConfig, target: ContainerHookTarget): ContainerConfig | Promise<ContainerConfig>;
  /**
   * The pod was deleted, and its processes are about to be told: resolves when nobody sends it anything new. Its grace period runs meanwhile, and nobody
   * waits longer than `msMax`. Undefined: nobody does.
   */
  leave?(pod: Pod, msMax: number): Promise<void> | undefined;
  /** The pod has ended, by itself or not: what was taken for it in `admit` is free. */
  release?(uid: string): void;
  /** Nothing of it runs any more: what `prepare` made goes. Also for uids that only their traces tell of. */
  cleanUp?(uid: string): Promise<void>;
  /** The pods that something is kept for, beside what storage, cgroups and logs tell: those among them that are gone are cleaned up after. */
  uids?(): Iterable<string>;
  /** The agent ends, and the pods run on: nobody waits in `prepare` any more. */
  stopWaiting?(): void;
}

/** Pods that have no special wishes pass all hooks without a trace. */
export const noHooks: readonly PodHook[] = [];

/** The first refusal. Hooks before it have noted the pod; they are told that it ended. */
export function admitPod(hooks: readonly PodHook[], pod: Pod, active: readonly Pod[]): Refusal | undefined {
  for (const [index, hook] of hooks.entries()) {
    const refusal = hook.admit?.(pod, active);
    if (refusal === undefined) continue;
    releasePod(hooks.slice(0, index), pod.metadata?.uid ?? '');
    return refusal;
  }
  return undefined;
}

export function releasePod(hooks: readonly PodHook[], uid: string): void {
  for (const hook of hooks.toReversed()) hook.release?.(uid);
}

/** @throws HookFailure */
export async function preparePod(hooks: readonly PodHook[], pod: Pod, identity: PodIdentity): Promise<void> {
  for (const hook of hooks) {
    try {
      await hook.prepare?.(pod, identity);
    } catch (error) {
      throw new HookFailure(hook, error);
    }
  }
}

export class HookFailure extends Error {
  override name = 'HookFailure';
  /** Of the event. */
  readonly reason: string;

  constructor({ failureReason, failurePrefix }: PodHook, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`Failed to ${failurePrefix ?? 'create pod sandbox'}: ${why}`, { cause });
    this.reason = failureReason ?? 'FailedCreatePodSandBox';
  }
}

export async function sandboxWith(hooks: readonly PodHook[], config: SandboxConfig, pod: Pod): Promise<SandboxConfig> {
  let changed = config;
  for (const hook of hooks) changed = (await hook.sandbox?.(changed, pod)) ?? changed;
  return changed;
}

export async function containerWith(
  hooks: readonly PodHook[],
  config: ContainerConfig,
  target: ContainerHookTarget,
): Promise<ContainerConfig> {
  let changed = config;
  for (const hook of hooks) changed = (await hook.container?.(changed, target)) ?? changed;
  return changed;
}

/** Undefined: there is nothing to wait for. */
export function leavePod(hooks: readonly PodHook[], pod: Pod, msMax: number): Promise<unknown> | undefined {
  const waits = hooks.flatMap((hook) => hook.leave?.(pod, msMax) ?? []);
  return waits.length === 0 ? undefined : Promise.all(waits);
}

export async function cleanUpPod(hooks: readonly PodHook[], uid: string): Promise<void> {
  for (const hook of hooks.toReversed()) await hook.cleanUp?.(uid);
}
