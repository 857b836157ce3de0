/** Pods with claims for tests, and what the scheduler writes when it hands devices out. */
import { claimFinalizer } from '../../api/pod-resource-claims.ts';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type {
  DeviceRequestAllocationResult,
  ResourceClaim,
  ResourceClaimTemplate,
} from '../../api/schema/types/resource-v1.ts';
import type { Client } from '../../client/client.ts';
import { resourceClaims } from '../../client/resources.ts';
import { inDefault } from '../testing.ts';

const devices = { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] };

export const makePodWithClaims = (name: string, ...entries: readonly PodResourceClaim[]): Pod => ({
  metadata: inDefault(name),
  spec: {
    containers: [
      { name: 'main', image: 'image', resources: { claims: entries.map((entry) => ({ name: entry.name })) } },
    ],
    resourceClaims: entries,
  },
});

export const makeResourceClaim = (name: string): ResourceClaim => ({ metadata: inDefault(name), spec: { devices } });

export const makeClaimTemplate = (name: string): ResourceClaimTemplate => ({
  metadata: inDefault(name),
  spec: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } }, spec: { devices } },
});

/** As the scheduler does, but for one device on any node: the finalizer first, then what it got and for whom. */
export async function allocate(
  client: Client,
  name: string,
  users: readonly Pod[],
  result: Partial<DeviceRequestAllocationResult> = {},
): Promise<ResourceClaim> {
  const finalizers = [claimFinalizer];
  const held = await client.patch(resourceClaims, inDefault(name), {
    type: 'merge',
    body: { metadata: { finalizers } },
  });
  const reservedFor = users.map(({ metadata }) => ({
    resource: 'pods',
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
  }));
  const results = [{ request: 'gpu', driver: 'gpu.example.com', pool: 'node', device: 'gpu-0', ...result }];
  const status = { allocation: { devices: { results } }, reservedFor };
  return client.update(resourceClaims, { ...held, status }, { subresource: 'status' });
}
