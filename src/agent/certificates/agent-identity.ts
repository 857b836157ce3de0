/**
 * What the agent is known by: the certificate and key in its kubeconfig. A renewed one is written back there first, and taken up then: who
 * crashes between the two has the new one at the next start.
 */
import { readFile } from 'node:fs/promises';
import type { HttpsClient } from '../../client/https-client.ts';
import { type ClientConfig, readKubeconfig, withClientCertificate } from '../../client/kubeconfig.ts';
import { replacePrivateFile } from '../../lib/private-file.ts';
import type { TunnelCredentials } from '../tunnel.ts';
import type { ClientIdentity } from './request-certificate.ts';

export class AgentIdentity {
  readonly #file: string;
  #config: ClientConfig;

  private constructor(file: string, config: ClientConfig) {
    this.#file = file;
    this.#config = config;
  }

  /** @throws Error naming the file, where it is no kubeconfig or has no client certificate */
  static async read(file: string): Promise<AgentIdentity> {
    const identity = new AgentIdentity(file, await readKubeconfig(file));
    identity.credentials();
    return identity;
  }

  get config(): ClientConfig {
    return this.#config;
  }

  credentials(): TunnelCredentials {
    const { ca, clientCertificate, clientKey } = this.#config;
    if (ca === undefined || clientCertificate === undefined || clientKey === undefined) {
      throw new Error(
        `the kubeconfig ${this.#file} must hold a certificate authority and a client certificate with its key`,
      );
    }
    return { authority: ca, certificate: clientCertificate, key: clientKey };
  }

  async keep({ certificate, key }: ClientIdentity, client: Pick<HttpsClient, 'renew'>): Promise<void> {
    const text = await readFile(this.#file, 'utf8');
    replacePrivateFile(this.#file, withClientCertificate(text, { certificate, key }));
    this.#config = { ...this.#config, clientCertificate: certificate, clientKey: key };
    client.renew(this.#config);
  }
}
