/** What a pod may learn about itself: field and resource references, in variables and in files. Pure. */
import { milliValue } from '../../api/quantity.ts';
import type { Container, ObjectFieldSelector, Pod, ResourceFieldSelector } from '../../api/schema/types/core-v1.ts';
import { ConfigError } from './config-error.ts';
import { findContainer } from './containers.ts';

export interface DownwardFacts {
  readonly pod: Pod;
  readonly podIps: readonly string[];
  readonly hostIps: readonly string[];
  /** What the node offers pods: the limit of those who set none. Thousandths of a CPU, bytes. */
  readonly allocatable: {
    readonly milliCpu: number;
    readonly memoryBytes: number;
    readonly ephemeralStorageBytes?: number;
  };
}

/** @throws ConfigError for a path that does not exist */
export function fieldValue({ pod, podIps, hostIps }: DownwardFacts, { fieldPath }: ObjectFieldSelector): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (keyed?.[1] !== undefined) return metadata?.[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? '';
  switch (fieldPath) {
    case 'metadata.name':
      return metadata?.name ?? '';
    case 'metadata.namespace':
      return metadata?.namespace ?? '';
    case 'metadata.uid':
      return metadata?.uid ?? '';
    case 'metadata.labels':
      return keyValues(metadata?.labels);
    case 'metadata.annotations':
      return keyValues(metadata?.annotations);
    case 'spec.nodeName':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIps[0] ?? '';
    case 'status.hostIPs':
      return hostIps.join(',');
    case 'status.podIP':
      return podIps[0] ?? '';
    case 'status.podIPs':
      return podIps.join(',');
    default:
      throw new ConfigError(`unsupported fieldPath: ${fieldPath}`);
  }
}

/** One `key="value"` a line, in order of the keys. */
function keyValues(map: Readonly<Record<string, string>> = {}): string {
  const lines = Object.keys(map).sort();
  return lines.map((key) => `${key}=${JSON.stringify(map[key])}`).join('\n');
}

/** The amount in units of the divisor, rounded up. @throws ConfigError for an unknown resource or container */
export function resourceValue(
  { pod, allocatable }: DownwardFacts,
  { containerName, resource, divisor }: ResourceFieldSelector,
  own?: Container,
): string {
  const container = containerName ? findContainer(pod, containerName) : own;
  if (container === undefined) throw new ConfigError(`container ${containerName} not found`);
  const [list, name = ''] = resource.split(/\.(.*)/s);
  if ((list !== 'limits' && list !== 'requests') || name === '') {
    throw new ConfigError(`unsupported container resource : ${resource}`);
  }
  const stated = container.resources?.[list]?.[name];
  const milli = stated === undefined ? unstated(list, name, allocatable) : milliValue(stated);
  const unit = divisor === undefined || milliValue(divisor) === 0 ? 1000 : milliValue(divisor);
  return String(Math.ceil(milli / unit));
}

function unstated(list: 'limits' | 'requests', name: string, allocatable: DownwardFacts['allocatable']): number {
  if (list === 'requests') return 0;
  if (name === 'cpu') return allocatable.milliCpu;
  if (name === 'ephemeral-storage') return (allocatable.ephemeralStorageBytes ?? 0) * 1000;
  return name === 'memory' ? allocatable.memoryBytes * 1000 : 0;
}
