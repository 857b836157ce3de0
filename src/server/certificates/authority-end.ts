/** What is said when the certificate authority has less than a year left: with it end all certificates that it signed, and every client's trust. */
import { X509Certificate } from 'node:crypto';

const dayMs = 24 * 60 * 60 * 1000;
const noticeMs = 365 * dayMs;

/** One sentence; undefined while there is time. @param certificate PEM */
export function authorityEnd(certificate: string, nowMs: number): string | undefined {
  const end = new X509Certificate(certificate).validToDate;
  const leftMs = end.getTime() - nowMs;
  if (leftMs >= noticeMs) return undefined;
  const days = Math.max(0, Math.floor(leftMs / dayMs));
  return `the certificate authority ends on ${end.toISOString().slice(0, 10)}, in ${days} days, and with it all access to the cluster; before that, move ca.crt and ca.key in the certificates folder away, restart naru, and give every client and agent its new kubeconfig`;
}
