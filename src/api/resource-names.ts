/** Names of compute resources: Kubernetes' own (`cpu`, `hugepages-2Mi`), and those that others bring (`example.com/gpu`). */
import { isQualifiedName } from './names.ts';

/** Names without a domain, and Kubernetes' own. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

const classPrefix = 'deviceclass.resource.kubernetes.io/';

/** What every DeviceClass stands for beside what it says itself: `deviceclass.resource.kubernetes.io/CLASS` (KEP-5004). */
export const isClassResource = (name: string): boolean => name.startsWith(classPrefix);

/** The DeviceClass that such a name means by itself; undefined where it is none. */
export const classOfResource = (name: string): string | undefined =>
  isClassResource(name) ? name.slice(classPrefix.length) : undefined;
