/** A Secret for TLS whose key is not that of its certificate is stored, and warned of, in the words of Go's `tls.X509KeyPair`. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../../api/schema/types/core-v1.ts';

export function secretWarnings({ type, data }: Secret): string[] {
  if (type !== 'kubernetes.io/tls') return [];
  const text = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('latin1');
  const problem = pairProblem(text('tls.crt'), text('tls.key'));
  return problem === undefined ? [] : [`tls: ${problem}`];
}

const certificateForm = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/;
const keyForm = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\S]*?-----END (?:[A-Z]+ )?PRIVATE KEY-----/;

function pairProblem(certificate: string, key: string): string | undefined {
  const certificateBlock = certificateForm.exec(certificate)?.[0];
  if (certificateBlock === undefined) return 'failed to find any PEM data in certificate input';
  const keyBlock = keyForm.exec(key)?.[0];
  if (keyBlock === undefined) return 'failed to find any PEM data in key input';
  try {
    const matches = new X509Certificate(certificateBlock).checkPrivateKey(createPrivateKey(keyBlock));
    return matches ? undefined : 'private key does not match public key';
  } catch {
    return 'failed to parse private key';
  }
}
