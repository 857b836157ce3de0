/** Certificates to trust, as a webhook's configuration carries them. */
import { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../api/certificates/pem.ts';

/** Base64 of PEM with at least one certificate, and none that cannot be read. Empty: the system's authorities. */
export function isCaBundle(base64: string): boolean {
  if (base64 === '') return true;
  const certificates = pemBlocks(Buffer.from(base64, 'base64').toString()).filter(({ type }) => type === 'CERTIFICATE');
  try {
    const read = certificates.map(({ bytes }) => new X509Certificate(bytes));
    return read.length > 0;
  } catch {
    return false;
  }
}
