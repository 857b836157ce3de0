/**
 * Pods that ask for what this node cannot give at all: another operating system, or groups that the runtime would not keep to. Refused at
 * the door; where the runtime did not answer when the agent started, it is asked before the sandbox is made.
 */
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import { noFeatures, type Runtime, type RuntimeInfo } from '../../runtime.ts';
import type { PodHook } from '../pod-hook.ts';

export interface PodFeatureOptions {
  readonly runtime: Pick<Runtime, 'info'>;
  readonly runtimeInfo: RuntimeInfo | undefined;
  readonly operatingSystem: string;
}

const notSupported = 'SupplementalGroupsPolicy=Strict is not supported in this node';

export function podFeatures({ runtime, runtimeInfo, operatingSystem }: PodFeatureOptions): PodHook {
  return {
    name: 'pod features',
    admit(pod) {
      // What runs already was admitted by this node once.
      if (pod.status?.startTime !== undefined) return undefined;
      const os = pod.spec?.os?.name;
      if (os !== undefined && os !== operatingSystem) {
        return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
      }
      if (!isStrict(pod) || runtimeInfo === undefined || keepsGroups(runtimeInfo)) return undefined;
      return { reason: 'SupplementalGroupsPolicyNotSupported', message: notSupported };
    },
    async prepare(pod) {
      if (isStrict(pod) && !keepsGroups(runtimeInfo ?? (await runtime.info()))) throw new Error(notSupported);
    },
  };
}

function isStrict({ spec }: Pod): boolean {
  return spec?.securityContext?.supplementalGroupsPolicy === 'Strict';
}

function keepsGroups({ features = noFeatures }: RuntimeInfo): boolean {
  return features.supplementalGroupsPolicy;
}
