/**
 * The kubeconfig files of the home, kept good while the server runs: each is made where it is missing, and replaced long before its
 * certificate ends (`admin-kubeconfig.ts`). Looking costs a read of a file; it is done so often because a machine may sleep through any
 * date that a timer was set to.
 *
 * The authority itself is not renewed: whoever trusts it would have to be told. That its end comes near is said a year ahead.
 */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Service } from '../lib/service.ts';
import type { UserInfo } from '../registry/request.ts';
import { ensureKubeconfig } from './admin-kubeconfig.ts';
import { authorityEnd } from './certificates/authority-end.ts';
import type { CertificateAuthority } from './certificates/certificate-authority.ts';

export interface KubeconfigFile {
  readonly file: string;
  readonly user: UserInfo;
}

export interface KubeconfigFilesOptions {
  readonly files: readonly KubeconfigFile[];
  /** Known when the server listens. */
  readonly address: () => string;
  readonly certificates: CertificateAuthority;
  readonly clock: Clock;
  readonly log: Logger;
}

const lookMs = 60 * 60 * 1000;
/** How often the authority's end is talked about. */
const remindMs = 7 * 24 * 60 * 60 * 1000;

export class KubeconfigFiles implements Service {
  readonly name = 'kubeconfigs';
  readonly #options: KubeconfigFilesOptions;
  #timer: Timer | undefined;
  #looking: Promise<void> = Promise.resolve();
  #remindedMs = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: KubeconfigFilesOptions) {
    this.#options = options;
  }

  /** The files are there when it resolves. */
  async start(): Promise<void> {
    this.#closed = false;
    await this.#ensure();
    this.#remind();
    this.#lookLater();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  /** Resolves when the last look is over: for tests. */
  settled(): Promise<void> {
    return this.#looking;
  }

  #lookLater(): void {
    this.#timer = this.#options.clock.after(lookMs, () => {
      this.#looking = this.#look();
    });
  }

  async #look(): Promise<void> {
    try {
      await this.#ensure();
    } catch (error) {
      this.#options.log.error('a kubeconfig could not be renewed; it is tried again in an hour', { error });
    }
    this.#remind();
    if (!this.#closed) this.#lookLater();
  }

  async #ensure(): Promise<void> {
    const { files, address, certificates, clock, log } = this.#options;
    for (const { file, user } of files) {
      const isNew = await ensureKubeconfig({ file, user, address: address(), certificates, clock });
      if (isNew) log.info('a kubeconfig was written', { file, user: user.name });
    }
  }

  #remind(): void {
    const { certificates, clock, log } = this.#options;
    const end = authorityEnd(certificates.certificate, clock.now());
    if (end === undefined || clock.now() - this.#remindedMs < remindMs) return;
    this.#remindedMs = clock.now();
    log.warn(end);
  }
}
