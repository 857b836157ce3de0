/**
 * The cluster's certificate authority: who may speak as whom, and how a client knows that it speaks to this cluster.
 *
 * It lives in one folder: `ca.crt` and `ca.key` for ten years, `server.crt` and `server.key` for as long as they fit. Client
 * certificates are made on request and kept by whoever asked. A second authority, of its own name, may stand beside it: the front proxy's,
 * whom nobody believes anything else. Loading takes two small reads; the library that makes
 * certificates is loaded only when something must be made, so that a second start does not pay for it.
 */
import { join } from 'node:path';
import type { CertificateSigner, SigningOrder } from '../../api/certificates/signing.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  type CertificatePair,
  type CertificatePaths,
  type LoadedPair,
  loadPair,
  savePair,
  unusable,
} from './certificate-files.ts';

const dayMs = 24 * 60 * 60 * 1000;
const authorityLifetimeMs = 3650 * dayMs;
/**
 * Of serving and client certificates. Nothing here can take one back, so a copy that got lost must end by itself; and who renews it is a
 * running naru, so that it may be short. Files in the home are renewed with a month left, which a copy on a laptop outlasts.
 */
const leafLifetimeMs = 90 * dayMs;

/** A certificate is replaced when this share of its life is left. */
const renewalShare = 1 / 3;

export interface IssuedCertificate extends CertificatePair {
  readonly notAfterMs: number;
}

export interface ClientCertificateRequest {
  /** The user's name: CN. */
  readonly user: string;
  /** O, once for each. */
  readonly groups: readonly string[];
  /** 90 days where absent. */
  readonly lifetimeMs?: number;
}

export interface AuthorityPlace {
  readonly folder: string;
  readonly clock: Clock;
  /** Of its two files, without the ending; `ca` where absent. */
  readonly file?: string;
  /** Counts where it is made. */
  readonly commonName?: string;
}

/** When (ms since the epoch) a certificate that was made now should be replaced. */
export function renewalTimeMs(nowMs: number, notAfterMs: number): number {
  return notAfterMs - Math.floor((notAfterMs - nowMs) * renewalShare);
}

export class CertificateAuthority implements CertificateSigner {
  /** PEM, for kubeconfigs and for agents. */
  readonly certificate: string;
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #pair: LoadedPair;

  private constructor(folder: string, clock: Clock, pair: LoadedPair) {
    this.#folder = folder;
    this.#clock = clock;
    this.#pair = pair;
    this.certificate = pair.certificate;
  }

  /** Loads the authority in `folder`, or makes a new one where there is none. @throws Error, one sentence with the way out */
  static async open(options: AuthorityPlace): Promise<CertificateAuthority> {
    const { folder, clock, file = 'ca', commonName = 'naru-ca' } = options;
    const paths = authorityPaths(folder, file);
    const pair = (await loadPair(paths)) ?? (await createAuthority(paths, commonName, clock));
    if (!pair.x509.ca) throw unusable(paths, paths.certificate, 'is not the certificate of an authority');
    if (pair.x509.validToDate.getTime() <= clock.now()) throw unusable(paths, paths.certificate, 'has expired');
    return new CertificateAuthority(folder, clock, pair);
  }

  /** A new certificate for a user; nothing is kept here. */
  async issueClient(request: ClientCertificateRequest): Promise<IssuedCertificate> {
    return this.#issue({
      subject: { commonName: request.user, organizations: request.groups },
      usage: 'client',
      names: [],
      lifetimeMs: request.lifetimeMs ?? leafLifetimeMs,
    });
  }

  /** The serving certificate for `names`: the one on disk while it fits and has a third of its life left, else a new one. */
  async servingCertificate(names: readonly string[]): Promise<IssuedCertificate> {
    const paths = servingPaths(this.#folder);
    const kept = await loadPair(paths);
    if (kept !== undefined && this.#fits(kept, names)) return issuedFrom(kept, kept.x509.validToDate.getTime());
    const made = await this.#issue({
      subject: { commonName: 'kube-apiserver', organizations: [] },
      usage: 'server',
      names,
      lifetimeMs: leafLifetimeMs,
    });
    await savePair(paths, made);
    return made;
  }

  /** As `issueClient`, but kept on disk under this name for as long as it has a third of its life left. */
  async keptClient(file: string, request: ClientCertificateRequest): Promise<IssuedCertificate> {
    const paths = clientPaths(this.#folder, file);
    const kept = await loadPair(paths);
    if (kept !== undefined && this.#isCurrent(kept)) return issuedFrom(kept, kept.x509.validToDate.getTime());
    const made = await this.issueClient(request);
    await savePair(paths, made);
    return made;
  }

  /** The certificate (PEM) for a request whose signer has said that it is right. Whether it is, is not asked here. */
  async sign(order: SigningOrder): Promise<string> {
    const { signedCertificate } = await import('./sign-request.ts');
    const issuer = { certificate: this.certificate, privateKey: this.#pair.privateKey };
    return signedCertificate(issuer, order, this.#clock.now());
  }

  #fits(kept: LoadedPair, names: readonly string[]): boolean {
    return this.#isCurrent(kept) && sameNames(kept.x509.subjectAltName ?? '', names);
  }

  /** This authority's, and not to be renewed yet. */
  #isCurrent(kept: LoadedPair): boolean {
    if (!kept.x509.checkIssued(this.#pair.x509) || !kept.x509.verify(this.#pair.x509.publicKey)) return false;
    const from = kept.x509.validFromDate.getTime();
    const now = this.#clock.now();
    return now >= from && now < renewalTimeMs(from, kept.x509.validToDate.getTime());
  }

  async #issue(request: {
    subject: { commonName: string; organizations: readonly string[] };
    usage: 'server' | 'client';
    names: readonly string[];
    lifetimeMs: number;
  }): Promise<IssuedCertificate> {
    const { issueLeaf } = await import('./issue.ts');
    const nowMs = this.#clock.now();
    // Nothing outlives the authority that vouches for it.
    const lifetimeMs = Math.min(request.lifetimeMs, this.#pair.x509.validToDate.getTime() - nowMs);
    const issuer = { certificate: this.certificate, privateKey: this.#pair.privateKey };
    return issuedFrom(await issueLeaf(issuer, { ...request, nowMs, lifetimeMs }), nowMs + lifetimeMs);
  }
}

function issuedFrom(pair: CertificatePair, notAfterMs: number): IssuedCertificate {
  return { certificate: pair.certificate, key: pair.key, notAfterMs };
}

function clientPaths(folder: string, file: string): CertificatePaths {
  return {
    certificate: join(folder, `${file}.crt`),
    key: join(folder, `${file}.key`),
    wayOut: 'move both files away, and new ones are made when they are next needed',
  };
}

function authorityPaths(folder: string, file: string): CertificatePaths {
  return {
    certificate: join(folder, `${file}.crt`),
    key: join(folder, `${file}.key`),
    wayOut:
      'restore both files from a backup, or move both away to start with a new authority that every client must then be told of',
  };
}

function servingPaths(folder: string): CertificatePaths {
  return {
    certificate: join(folder, 'server.crt'),
    key: join(folder, 'server.key'),
    wayOut: 'move server.crt and server.key away, and new ones are made at the next start',
  };
}

async function createAuthority(paths: CertificatePaths, commonName: string, clock: Clock): Promise<LoadedPair> {
  const { issueAuthority } = await import('./issue.ts');
  await savePair(paths, await issueAuthority(commonName, { nowMs: clock.now(), lifetimeMs: authorityLifetimeMs }));
  const pair = await loadPair(paths);
  if (pair === undefined) throw unusable(paths, paths.certificate, 'was removed while it was being made');
  return pair;
}

/** `text` is OpenSSL's form: `DNS:localhost, IP Address:127.0.0.1`, IPv6 in full capitals. */
function sameNames(text: string, names: readonly string[]): boolean {
  const kept = text.split(', ').map((entry) => plainName(entry.replace(/^(DNS|IP Address):/, '')));
  const wanted = names.map(plainName);
  return kept.length === wanted.length && wanted.every((name) => kept.includes(name));
}

function plainName(name: string): string {
  if (!name.includes(':')) return name.toLowerCase();
  // The URL parser writes every IPv6 address in its one canonical form.
  return new URL(`http://[${name}]/`).hostname;
}
