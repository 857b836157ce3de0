/** Life-cycle hooks of containers: a command, a request, or waiting. */
import type { Container, HTTPGetAction, LifecycleHandler } from '../../api/schema/types/core-v1.ts';
import { execProbe, httpTarget } from '../probes/probe-action.ts';
import type { PodHost } from './pod-host.ts';

export interface HookTarget {
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly timeoutMs: number;
}

type HookHost = Pick<PodHost, 'runtime' | 'platform' | 'clock'>;

/** @throws Error when it failed, with what the container said */
export async function runHook(
  host: HookHost,
  { exec, httpGet, sleep }: LifecycleHandler,
  target: HookTarget,
): Promise<void> {
  const { containerId, timeoutMs } = target;
  if (exec !== undefined) {
    const { ok, message } = await execProbe(host.runtime, containerId, exec.command ?? [], timeoutMs);
    if (!ok) throw new Error(message || `command failed: "${(exec.command ?? []).join(' ')}"`);
  } else if (httpGet !== undefined) await httpHook(host, httpGet, target);
  else if (sleep !== undefined) await host.clock.sleep(Math.min(sleep.seconds * 1000, timeoutMs));
  // The API takes tcpSocket here, too, for old times' sake; no node ever did anything with it but fail.
  else throw new Error('invalid handler: a life-cycle hook is one of exec, httpGet and sleep');
}

/** Any answer is a success, whatever its code, as upstream has it: what counts is that the container was told. */
async function httpHook({ platform }: HookHost, action: HTTPGetAction, target: HookTarget): Promise<void> {
  const { container, podIp, timeoutMs } = target;
  const probe = { ...httpTarget(action, container, podIp), userAgent: 'kube-lifecycle/1.36' };
  const { ok, answered, message } = await platform.probes.http(probe, timeoutMs);
  if (!ok && answered !== true) throw new Error(message);
}
