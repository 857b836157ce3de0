/** What the pod's volumes add to what a container is made with, beside mounts; and what is read back from a container about them. Pure. */
import type { ContainerConfig } from '../../runtime.ts';
import type { ContainerVolumes } from './pod-storage.ts';

/** On a container: the paths that are read-only with all that is mounted below them. */
const recursiveAnnotation = 'naru.dev/recursive-read-only-mounts';

export function withVolumes(config: ContainerConfig, { mounts, devices, groups }: ContainerVolumes): ContainerConfig {
  const recursive = mounts
    .filter(({ recursiveReadOnly }) => recursiveReadOnly)
    .map(({ containerPath }) => containerPath);
  const { security, annotations } = config;
  return {
    ...config,
    ...(devices.length > 0 && { devices: [...(config.devices ?? []), ...devices] }),
    ...(groups.length > 0 && {
      security: { ...security, supplementalGroups: [...new Set([...security.supplementalGroups, ...groups])] },
    }),
    ...(recursive.length > 0 && { annotations: { ...annotations, [recursiveAnnotation]: JSON.stringify(recursive) } }),
  };
}

const none: ReadonlySet<string> = new Set();

/** The runtime was told them when the container was made, and remembers. */
export function recursiveMounts(annotations: ContainerConfig['annotations'] | undefined): ReadonlySet<string> {
  const text = annotations?.[recursiveAnnotation];
  return text === undefined ? none : new Set(JSON.parse(text) as readonly string[]);
}
