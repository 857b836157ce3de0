/** Walks over the containers of a pod of all three kinds, in upstream's order, with their paths. */
import type { Container, EphemeralContainer, PodSpec } from '../../api/schema/types/core-v1.ts';

export const containerLists = ['initContainers', 'containers', 'ephemeralContainers'] as const;
export type ContainerList = (typeof containerLists)[number];
export type AnyContainer = Container | EphemeralContainer;

export function forEachContainer(
  path: string,
  spec: PodSpec,
  visit: (container: AnyContainer, at: string, list: ContainerList) => void,
): void {
  for (const list of containerLists) {
    const containers: readonly AnyContainer[] = spec[list] ?? [];
    for (const [index, container] of containers.entries()) visit(container, `${path}.${list}[${index}]`, list);
  }
}

export function hasContainer(spec: PodSpec, name: string): boolean {
  return containerLists.some((list) => spec[list]?.some((container) => container.name === name));
}
