/** What is written into a claim about the devices that were picked for it: results, configuration, the nodes that can use them. Pure. */
import type { NodeSelector, NodeSelectorRequirement } from '../../api/schema/types/core-v1.ts';
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceClass,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from '../../api/schema/types/resource-v1.ts';
import type { PoolDevice } from './pools.ts';
import type { Pick } from './search.ts';

/** `newShareId` gives each share of a device that allows many its name. */
export function allocationResult(
  claim: ResourceClaim,
  picks: readonly Pick[],
  node: string,
  newShareId: () => string,
): AllocationResult {
  const results = picks.map((pick) => resultOf(pick, newShareId));
  const config = [...classConfigs(picks), ...claimConfigs(claim, picks)];
  const nodeSelector = selectorOf(
    picks.map(({ device }) => device),
    node,
  );
  return {
    devices: { results, ...(config.length > 0 && { config }) },
    ...(nodeSelector && { nodeSelector }),
  };
}

function resultOf({ wish, device, consumed }: Pick, newShareId: () => string): DeviceRequestAllocationResult {
  const { bindingConditions = [], bindingFailureConditions = [], name } = device.device;
  return {
    request: wish.name,
    driver: device.driver,
    pool: device.pool,
    device: name,
    ...(wish.adminAccess && { adminAccess: true }),
    ...(wish.tolerations.length > 0 && { tolerations: wish.tolerations }),
    ...(bindingConditions.length > 0 && { bindingConditions }),
    ...(bindingFailureConditions.length > 0 && { bindingFailureConditions }),
    ...(consumed !== undefined && { shareID: newShareId() }),
    ...(consumed !== undefined && consumed.size > 0 && { consumedCapacity: Object.fromEntries(consumed) }),
  };
}

/** Each class's once, for all requests that got devices by it. */
function classConfigs(picks: readonly Pick[]): DeviceAllocationConfiguration[] {
  const requests = new Map<DeviceClass, Set<string>>();
  for (const { wish } of picks) {
    requests.set(wish.deviceClass, (requests.get(wish.deviceClass) ?? new Set()).add(wish.name));
  }
  return [...requests].flatMap(([{ spec }, names]) =>
    (spec.config ?? []).map((config) => ({ ...config, source: 'FromClass' as const, requests: [...names] })),
  );
}

/** Those that mean all requests, or one that got devices. */
function claimConfigs({ spec }: ResourceClaim, picks: readonly Pick[]): DeviceAllocationConfiguration[] {
  const names = new Set(picks.flatMap(({ wish }) => [wish.request, wish.name]));
  return (spec.devices?.config ?? [])
    .filter(({ requests = [] }) => requests.length === 0 || requests.some((name) => names.has(name)))
    .map((config) => ({ ...config, source: 'FromClaim' as const }));
}

/** Undefined: any node. A device of one node, or that binds to one, ties the claim to it. */
function selectorOf(devices: readonly PoolDevice[], node: string): NodeSelector | undefined {
  const fields: NodeSelectorRequirement[] = [];
  const expressions: NodeSelectorRequirement[] = [];
  for (const { device, slice } of devices) {
    const { nodeName, nodeSelector } = slice.spec.perDeviceNodeSelection === true ? device : slice.spec;
    if (nodeName || device.bindsToNode === true) return onlyOn(node);
    const [term] = nodeSelector?.nodeSelectorTerms ?? [];
    addNew(fields, term?.matchFields);
    addNew(expressions, term?.matchExpressions);
  }
  if (fields.length + expressions.length === 0) return undefined;
  const term = {
    ...(expressions.length > 0 && { matchExpressions: expressions }),
    ...(fields.length > 0 && { matchFields: fields }),
  };
  return { nodeSelectorTerms: [term] };
}

const onlyOn = (node: string): NodeSelector => ({
  nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }],
});

function addNew(requirements: NodeSelectorRequirement[], more: readonly NodeSelectorRequirement[] = []): void {
  const known = new Set(requirements.map(textOf));
  requirements.push(...more.filter((requirement) => !known.has(textOf(requirement))));
}

const textOf = ({ key, operator, values = [] }: NodeSelectorRequirement): string =>
  JSON.stringify([key, operator, values.toSorted()]);
