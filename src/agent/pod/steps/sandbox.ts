/** The pod's sandbox: its configuration from pod, node and hooks; made, stopped, removed. */
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { PodIdentity, SandboxConfig } from '../../runtime.ts';
import { dnsProblems } from '../dns.ts';
import { HookFailure, preparePod, sandboxWith } from '../pod-hook.ts';
import type { PodHost } from '../pod-host.ts';
import { messageOf, type PodMemory } from '../pod-memory.ts';
import { podCgroup, podResources } from '../qos.ts';
import { sandboxConfig } from '../sandbox-config.ts';
import type { StepOf } from './step.ts';

/** What comes after looks at the sandbox: the round ends either way. */
export async function makeSandbox(memory: PodMemory, { attempt }: StepOf<'make-sandbox'>): Promise<boolean> {
  const { pod, host, identity } = memory;
  if (pod === undefined) return false;
  try {
    await preparePod(host.hooks, pod, identity);
    if (memory.isClosed) return false;
    await host.starts.run(() => runSandbox(host, pod, identity, attempt));
    await tellDnsProblems(memory, pod);
    memory.failures.delete('');
    memory.retries.forget('sandbox');
  } catch (error) {
    const isHooks = error instanceof HookFailure;
    const message = isHooks ? error.message : `Failed to create pod sandbox: ${messageOf(error)}`;
    memory.event('Warning', isHooks ? error.reason : 'FailedCreatePodSandBox', message);
    memory.fail('', 'sandbox', 'ContainerCreating', message);
  }
  return false;
}

/** Said once a sandbox: what resolvers do not take was left out. */
async function tellDnsProblems(memory: PodMemory, pod: Pod): Promise<void> {
  const { platform, clusterDns } = memory.host;
  const problems = dnsProblems(pod, { hostDns: await platform.hostDns(), clusterDns });
  for (const problem of problems) memory.event('Warning', 'DNSConfigForming', problem);
}

/** The cgroup first, so that its limits hold from the first process on. */
async function runSandbox(host: PodHost, pod: Pod, identity: PodIdentity, attempt: number): Promise<string> {
  const config = await sandboxConfigOf(host, pod, identity, attempt);
  await host.platform.logs.prepare(config.logDirectory);
  await host.platform.cgroups.prepare(config.cgroupParent, podResources(pod, host.rules));
  return host.runtime.runSandbox(config);
}

export async function sandboxConfigOf(
  host: PodHost,
  pod: Pod,
  identity: PodIdentity,
  attempt: number,
): Promise<SandboxConfig> {
  await host.clusterDns?.ready?.(pod);
  const plain = sandboxConfig(pod, identity, {
    attempt,
    podLogs: host.podLogs,
    cgroupParent: podCgroup(host.cgroupRoot, pod),
    hostDns: await host.platform.hostDns(),
    clusterDns: host.clusterDns,
  });
  return sandboxWith(host.hooks, plain, pod);
}

export async function stopSandbox({ host }: PodMemory, { sandboxId }: StepOf<'stop-sandbox'>): Promise<boolean> {
  await host.runtime.stopSandbox(sandboxId);
  return true;
}

export async function removeSandbox({ host }: PodMemory, { sandboxId }: StepOf<'remove-sandbox'>): Promise<boolean> {
  await host.runtime.removeSandbox(sandboxId);
  return true;
}
