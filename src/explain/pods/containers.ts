/** The containers of a pod beside what the node says of each. Pure. */
import type { Container, ContainerStatus, Pod } from '../../api/schema/types/core-v1.ts';

export interface SeenContainer {
  readonly container: Container;
  readonly status: ContainerStatus | undefined;
  /** `init`: ends before the others start. `sidecar`: an init container that stays. */
  readonly role: 'container' | 'init' | 'sidecar';
}

/** In the order in which they start. */
export function containersOf({ spec, status }: Pod): readonly SeenContainer[] {
  const seen = (
    containers: readonly Container[] | undefined,
    statuses: readonly ContainerStatus[] | undefined,
    role: (container: Container) => SeenContainer['role'],
  ): SeenContainer[] =>
    (containers ?? []).map((container) => ({
      container,
      status: statuses?.find(({ name }) => name === container.name),
      role: role(container),
    }));
  return [
    ...seen(spec?.initContainers, status?.initContainerStatuses, ({ restartPolicy }) =>
      restartPolicy === 'Always' ? 'sidecar' : 'init',
    ),
    ...seen(spec?.containers, status?.containerStatuses, () => 'container'),
  ];
}

const roles: Readonly<Record<SeenContainer['role'], string>> = {
  container: 'container',
  init: 'init container',
  sidecar: 'sidecar',
};

/** `container "web"`, `init container "migrate"` */
export const containerText = ({ container, role }: SeenContainer): string => `${roles[role]} "${container.name}"`;

export const hasEnded = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';

export const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;
