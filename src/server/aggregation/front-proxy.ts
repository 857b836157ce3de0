/**
 * How this server shows itself to API servers that extend it: a client certificate of an authority that signs nothing else, so that whoever
 * trusts it believes only this server's word on whom a request is from.
 */
import type { Clock } from '../../lib/clock.ts';
import { frontProxyName } from '../authentication/remote-headers.ts';
import { CertificateAuthority, type IssuedCertificate, renewalTimeMs } from '../certificates/certificate-authority.ts';

const file = 'front-proxy-client';

export class FrontProxy {
  /** PEM: what servers that are called by this one trust. */
  readonly authority: string;
  readonly #authority: CertificateAuthority;
  readonly #clock: Clock;
  #current: { readonly pair: IssuedCertificate; readonly renewAtMs: number } | undefined;
  #issuing: Promise<IssuedCertificate> | undefined;

  private constructor(authority: CertificateAuthority, clock: Clock) {
    this.authority = authority.certificate;
    this.#authority = authority;
    this.#clock = clock;
  }

  /** @throws Error, one sentence with the way out */
  static async open({ folder, clock }: { readonly folder: string; readonly clock: Clock }): Promise<FrontProxy> {
    const names = { file: 'front-proxy-ca', commonName: 'naru-front-proxy-ca' };
    return new FrontProxy(await CertificateAuthority.open({ folder, clock, ...names }), clock);
  }

  /** Made when it is first needed, and anew before its life ends. */
  async clientCertificate(): Promise<IssuedCertificate> {
    const nowMs = this.#clock.now();
    if (this.#current !== undefined && nowMs < this.#current.renewAtMs) return this.#current.pair;
    this.#issuing ??= this.#authority.keptClient(file, { user: frontProxyName, groups: [] }).finally(() => {
      this.#issuing = undefined;
    });
    const pair = await this.#issuing;
    this.#current = { pair, renewAtMs: Math.max(renewalTimeMs(nowMs, pair.notAfterMs), nowMs + retryMs) };
    return pair;
  }
}

/** A kept certificate is looked at again no sooner than this. */
const retryMs = 60_000;
