/**
 * By which names and addresses clients reach the API: what its serving certificate must say. Pods use the service's names and
 * its address (the first of the service range), people and agents the machine's.
 */

export interface ServingNameOptions {
  readonly hostname: string;
  /** Of this machine, and whatever else the API is reached by. */
  readonly addresses: readonly string[];
  /** Of the service `kubernetes`. */
  readonly serviceAddress?: string;
  readonly clusterDomain?: string;
}

export function servingNames(options: ServingNameOptions): readonly string[] {
  const domain = options.clusterDomain ?? 'cluster.local';
  const names = [
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${domain}`,
    options.hostname.toLowerCase(),
    '127.0.0.1',
    '::1',
    options.serviceAddress ?? '10.43.0.1',
    ...options.addresses,
  ];
  return [...new Set(names)];
}
