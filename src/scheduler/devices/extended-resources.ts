/**
 * Extended resources (`example.com/gpu: 2`) that a DeviceClass stands for (KEP-5004): where a node has none of them by a device plugin, the
 * pod gets devices by a claim that the scheduler makes for it. Pure.
 */

import { integerValue } from '../../api/quantity.ts';
import type { Container, ContainerExtendedResourceRequest, Pod } from '../../api/schema/types/core-v1.ts';
import type { DeviceClass, DeviceRequest, ResourceClaim } from '../../api/schema/types/resource-v1.ts';

const extendedClaimAnnotation = 'resource.kubernetes.io/extended-resource-claim';

/** No name that a claim can have: it stands for the claim until the server gives it one. */
const nameBeforehand = '<extended-resources>';

export const isNotCreated = ({ metadata }: ResourceClaim): boolean => metadata?.name === nameBeforehand;

export const isExtendedClaim = ({ metadata }: ResourceClaim): boolean =>
  metadata?.annotations?.[extendedClaimAnnotation] === 'true';

interface ExtendedWishes {
  readonly requests: readonly DeviceRequest[];
  /** Which container uses which request. */
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/** The claim as it is to be created for the pod. */
export function extendedClaimFor({ metadata }: Pod, requests: readonly DeviceRequest[]): ResourceClaim {
  const { namespace = '', name = '', uid = '' } = metadata ?? {};
  return {
    metadata: {
      namespace,
      name: nameBeforehand,
      uid: `${uid}${nameBeforehand}`,
      generateName: `${name}-extended-resources-`,
      annotations: { [extendedClaimAnnotation]: 'true' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }],
    },
    spec: { devices: { requests } },
  };
}

/**
 * By container and resource a request. Init containers are over before the others start: they use what those after them will have, and of what
 * they need beyond that, the largest is enough for all.
 */
export function extendedWishes(pod: Pod, classes: ReadonlyMap<string, DeviceClass>): ExtendedWishes {
  const found = [...classes.keys()].sort().map((resource) => wishesFor(pod, resource, classes.get(resource)));
  const requests = found.flatMap((wishes) => wishes.requests);
  return {
    requests: requests.sort((a, b) => (a.name < b.name ? -1 : 1)),
    mappings: found.flatMap(({ mappings }) => mappings),
  };
}

/** A container's need of one resource. */
interface Need {
  readonly at: number;
  readonly container: string;
  readonly isBrief: boolean;
  readonly count: number;
  readonly request: string;
}

function wishesFor(pod: Pod, resourceName: string, deviceClass: DeviceClass | undefined): ExtendedWishes {
  const needs = needsOf(pod, resourceName);
  const lasting = needs.filter(({ isBrief }) => !isBrief);
  const brief = needs
    .filter(({ isBrief }) => isBrief)
    .map((need) => ({
      need,
      ...reused(
        need,
        lasting.filter(({ at }) => at > need.at),
      ),
    }));
  const largest = brief.reduce<(typeof brief)[number] | undefined>(
    (most, each) => (each.missing > (most?.missing ?? 0) ? each : most),
    undefined,
  );
  const asked = lasting.map(({ request, count }) => ({ name: request, count }));
  if (largest !== undefined) asked.push({ name: largest.need.request, count: largest.missing });
  const mapping = (containerName: string, requestName: string) => ({ containerName, resourceName, requestName });
  return {
    requests: asked.map(({ name, count }) => ({
      name,
      exactly: { deviceClassName: deviceClass?.metadata?.name ?? '', allocationMode: 'ExactCount', count },
    })),
    mappings: [
      ...lasting.map(({ container, request }) => mapping(container, request)),
      ...brief.flatMap(({ need, from, missing }) => [
        ...from.map(({ request }) => mapping(need.container, request)),
        ...(missing > 0 && largest !== undefined ? [mapping(need.container, largest.need.request)] : []),
      ]),
    ],
  };
}

function needsOf({ spec }: Pod, resourceName: string): Need[] {
  const { initContainers = [], containers = [] } = spec ?? {};
  return [...initContainers, ...containers].flatMap((container, at) => {
    const count = countOf(container, resourceName);
    if (count === 0) return [];
    const place = Object.keys(container.resources?.requests ?? {})
      .sort()
      .indexOf(resourceName);
    const isBrief = at < initContainers.length && container.restartPolicy !== 'Always';
    return [{ at, container: container.name, isBrief, count, request: `container-${at}-request-${place}` }];
  });
}

const countOf = ({ resources }: Container, resourceName: string): number =>
  integerValue(resources?.requests?.[resourceName] ?? 0);

/** Whose devices an init container may use until they start, and how many more it needs. */
function reused({ count }: Need, later: readonly Need[]): { readonly from: readonly Need[]; readonly missing: number } {
  let missing = count;
  const from: Need[] = [];
  for (const need of later) {
    if (missing <= 0) break;
    from.push(need);
    missing -= need.count;
  }
  return { from, missing: Math.max(0, missing) };
}
