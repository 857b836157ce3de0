/**
 * A container's security context as the runtime is asked for it: the container's own settings win over the pod's. Profiles (seccomp, AppArmor)
 * hang on the node, too, and come from `profiles.ts`. Pure.
 */
import type { Container, Pod } from '../../../api/schema/types/core-v1.ts';
import type { ImageStatus, SecurityConfig } from '../../runtime.ts';
import { ConfigError } from '../config-error.ts';

/** SELinux options are not passed on: where the machine has none they mean nothing, and nobody here labels volumes. */
export function securityConfig(pod: Pod, container: Container): SecurityConfig {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec?.securityContext ?? {};
  const runAsUser = own.runAsUser ?? ofPod.runAsUser;
  const runAsGroup = own.runAsGroup ?? ofPod.runAsGroup;
  return {
    privileged: own.privileged ?? false,
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsGroup !== undefined && { runAsGroup }),
    supplementalGroups: podGroups(pod),
    ...(ofPod.supplementalGroupsPolicy === 'Strict' && { supplementalGroupsPolicy: 'strict' as const }),
    readOnlyRootFilesystem: own.readOnlyRootFilesystem ?? false,
    // Only what is said: a container that says nothing may gain privileges, as by a setuid program.
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    seccomp: 'unconfined',
    // The API lets this through only for pods with users of their own (`hostUsers: false`).
    ...(own.procMount === 'Unmasked' && { procMount: 'unmasked' as const }),
  };
}

/** Beside a user's own group: that of the volumes first. */
export function podGroups({ spec }: Pod): readonly number[] {
  const { fsGroup, supplementalGroups = [] } = spec?.securityContext ?? {};
  return fsGroup === undefined ? supplementalGroups : [fsGroup, ...supplementalGroups];
}

/** @throws ConfigError where the container must not run as root, and would, or nobody can tell */
export function checkUser(pod: Pod, container: Container, image: ImageStatus): void {
  const own = container.securityContext ?? {};
  const ofPod = pod.spec?.securityContext ?? {};
  if (!(own.runAsNonRoot ?? ofPod.runAsNonRoot)) return;
  const where = `(pod: "${pod.metadata?.name}_${pod.metadata?.namespace}(${pod.metadata?.uid})", container: ${container.name})`;
  const user = own.runAsUser ?? ofPod.runAsUser;
  if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${where}`);
  if (user !== undefined) return;
  if (image.userName) {
    const problem = `image has non-numeric user (${image.userName}), cannot verify user is non-root`;
    throw new ConfigError(`container has runAsNonRoot and ${problem} ${where}`);
  }
  if ((image.userId ?? 0) === 0) {
    throw new ConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
}
