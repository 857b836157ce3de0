/** Life-cycle hooks of containers: a command, a request, or waiting. */
import type { Container, LifecycleHandler } from '../../api/schema/types/core-v1.ts';
import { execProbe, httpTarget } from '../probes/prober.ts';
import type { PodHost } from './pod-host.ts';

export interface HookTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly timeoutMs: number;
}

/** @throws Error when it failed, with what the container said */
export async function runHook(
  { runtime, platform, clock }: Pick<PodHost, 'runtime' | 'platform' | 'clock'>,
  { exec, httpGet, sleep }: LifecycleHandler,
  { container, containerId, podIp, timeoutMs }: HookTarget,
): Promise<void> {
  if (sleep !== undefined) {
    await clock.sleep(Math.min(sleep.seconds * 1000, timeoutMs));
    return;
  }
  let result = { ok: true, message: '' };
  if (exec !== undefined) result = await execProbe(runtime, containerId, exec.command ?? [], timeoutMs);
  else if (httpGet !== undefined) {
    result = await platform.probes.http(httpTarget(httpGet, container, podIp), timeoutMs);
  }
  if (!result.ok) throw new Error(result.message);
}
