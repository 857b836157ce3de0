/** Names of Compose in Kubernetes' form: DNS labels. */
import { createHash } from 'node:crypto';

const labelMax = 63;

/** `My_db` becomes `my-db`; what is too long keeps a hash at its end. */
export function dnsLabel(name: string, lengthMax = labelMax): string {
  const plain = name
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, '-')
    .replace(/^-+|-+$/g, '');
  const label = plain === '' ? `x-${shortHash(name)}` : plain;
  if (label.length <= lengthMax) return label;
  const hash = shortHash(name);
  return `${label.slice(0, lengthMax - hash.length - 1).replace(/-+$/, '')}-${hash}`;
}

export const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 8);

/** As annotations and labels are named: `example.com/part`, each in its own alphabet. */
export const isQualifiedName = (name: string): boolean =>
  /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(name);
