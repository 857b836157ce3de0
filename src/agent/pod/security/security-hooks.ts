/** The hooks of a pod's security, in their order: the handler is known before who asks what it can do. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client } from '../../../client/client.ts';
import type { KubeletConfiguration } from '../../kubelet-configuration.ts';
import type { NodeFacts } from '../../node-facts.ts';
import type { Runtime, RuntimeInfo } from '../../runtime.ts';
import type { PodHook } from '../pod-hook.ts';
import { podFeatures } from './pod-features.ts';
import { kubeletSeccompFolder, securityProfiles } from './profiles.ts';
import { RuntimeHandlers } from './runtime-classes.ts';
import { sysctlRules } from './sysctls.ts';
import { UserNamespaces } from './user-namespaces.ts';

export interface SecurityOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  /** As it said at the start of the agent, where it answered. */
  readonly runtimeInfo: RuntimeInfo | undefined;
  readonly facts: NodeFacts;
  readonly configuration: KubeletConfiguration;
  /** The node's folder; absent on simulated nodes, which have no machine below them. */
  readonly home: string | undefined;
}

export function securityHooks(options: SecurityOptions): readonly PodHook[] {
  const { client, runtime, runtimeInfo, facts, configuration, home } = options;
  const { seccompDefault, allowedUnsafeSysctls, maxPods } = configuration;
  const handlers = new RuntimeHandlers(client);
  const machine =
    home === undefined
      ? { seccompFolders: [], appArmor: true }
      : { seccompFolders: [path.join(home, 'seccomp'), kubeletSeccompFolder], appArmor: machineHasAppArmor() };
  return [
    podFeatures({ runtime, runtimeInfo, operatingSystem: facts.operatingSystem }),
    sysctlRules({ kernelVersion: facts.kernelVersion, allowedUnsafe: allowedUnsafeSysctls }),
    securityProfiles({ ...machine, seccompDefault }),
    handlers,
    new UserNamespaces({
      runtime,
      handlerOf: (pod) => handlers.of(pod),
      podsMax: maxPods,
      ...(home !== undefined && { folder: path.join(home, 'user-namespaces') }),
    }),
  ];
}

/** The kernel enforces it, and there is the program with which runtimes load their profile. */
function machineHasAppArmor(): boolean {
  if (!existsSync('/sys/kernel/security/apparmor') || !existsSync('/sbin/apparmor_parser')) return false;
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y');
  } catch {
    return false;
  }
}
