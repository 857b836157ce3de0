/**
 * Kubeconfig files that a server writes for who runs on its machine: the administrator, and the agent where it is a process of its own.
 *
 * A file is kept while it fits (this authority, this address, a third of its certificate's life left), so that a restart changes nothing for
 * who reads it, and costs no signature.
 */
import { X509Certificate } from 'node:crypto';
import { makeKubeconfig, readKubeconfig } from '../client/kubeconfig.ts';
import type { Clock } from '../lib/clock.ts';
import { writePrivateFile } from '../lib/private-file.ts';
import type { UserInfo } from '../registry/request.ts';
import { type CertificateAuthority, renewalTimeMs } from './certificates/certificate-authority.ts';

export interface KubeconfigRequest {
  readonly file: string;
  /** `https://127.0.0.1:6443`. */
  readonly address: string;
  readonly certificates: CertificateAuthority;
  readonly user: UserInfo;
  readonly clock: Clock;
}

interface ClientPair {
  readonly certificate: string;
  readonly key: string;
}

/** Whether it had to be written. */
export async function ensureKubeconfig(request: KubeconfigRequest): Promise<boolean> {
  const { file, address, certificates, user } = request;
  const kept = await keptPair(request);
  if (kept?.address === address) return false;
  // Who is authenticated is found out by the server: the certificate names the other groups.
  const groups = user.groups.filter((group) => group !== 'system:authenticated');
  const pair: ClientPair = kept ?? (await certificates.issueClient({ user: user.name, groups }));
  const text = makeKubeconfig({
    server: address,
    ca: certificates.certificate,
    clientCert: pair.certificate,
    clientKey: pair.key,
    user: user.name,
    cluster: 'naru',
  });
  await writePrivateFile(file, text);
  return true;
}

/** The certificate in the file, where it is still good; with the address that the file names. */
async function keptPair(request: KubeconfigRequest): Promise<(ClientPair & { readonly address: string }) | undefined> {
  try {
    const { server, ca, clientCertificate, clientKey } = await readKubeconfig(request.file);
    if (ca !== request.certificates.certificate || clientCertificate === undefined || clientKey === undefined)
      return undefined;
    const { validFromDate, validToDate } = new X509Certificate(clientCertificate);
    const now = request.clock.now();
    if (now < validFromDate.getTime() || now >= renewalTimeMs(validFromDate.getTime(), validToDate.getTime()))
      return undefined;
    return { address: server, certificate: clientCertificate, key: clientKey };
  } catch {
    // Absent, cut short or edited: made anew.
    return undefined;
  }
}
