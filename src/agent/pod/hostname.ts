/** The name that a pod's processes see as their host's. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';

/** What Linux takes. */
const fullNameCharsMax = 64;

/** A label has 63 characters at most; a name that would end in a separator is cut shorter. */
export function hostnameOf(pod: Pod): string {
  const { hostname, hostnameOverride } = pod.spec ?? {};
  if (hostnameOverride !== undefined) return hostnameOverride;
  const name = hostname || pod.metadata?.name || '';
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

/** Where the pod's subdomain puts it; undefined: nowhere. A name that overrides all stands alone. */
export function hostDomainOf({ metadata, spec }: Pod, clusterDomain: string): string | undefined {
  if (!spec?.subdomain || spec.hostnameOverride !== undefined) return undefined;
  return `${spec.subdomain}.${metadata?.namespace}.svc.${clusterDomain}`;
}

/**
 * What the sandbox is called: with its domain where the pod wants that.
 * @throws Error where the whole name is longer than Linux takes
 */
export function sandboxHostname(pod: Pod, clusterDomain: string): string {
  const hostname = hostnameOf(pod);
  const domain = hostDomainOf(pod, clusterDomain);
  if (pod.spec?.setHostnameAsFQDN !== true || domain === undefined) return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length <= fullNameCharsMax) return full;
  const limits = `(${fullNameCharsMax} characters is the max, ${full.length} characters requested)`;
  throw new Error(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long ${limits}`);
}
