/**
 * Publishes in kube-system, as ConfigMap `extension-apiserver-authentication`, whom this API trusts: servers that extend it read there which
 * authority signs client certificates, and which certificates may say in which headers whom a request is from. Written at the start; what others put in beside it stays.
 */
import { X509Certificate } from 'node:crypto';
import type { ResourceTable } from '../../api/resource-table.ts';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { RequestHandler, RequestTarget, UserInfo } from '../../registry/request.ts';
import { frontProxyName, remoteHeaders } from './remote-headers.ts';

export interface TrustPublisherOptions {
  readonly handler: RequestHandler;
  readonly resources: Pick<ResourceTable, 'find'>;
  /** PEM. */
  readonly clientAuthority: string;
  /** PEM; nothing is said of front proxies where absent. */
  readonly frontProxyAuthority?: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };
const place = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };
const authorityKey = 'client-ca-file';
const frontProxyKey = 'requestheader-client-ca-file';
const headerData = {
  'requestheader-allowed-names': JSON.stringify([frontProxyName]),
  'requestheader-username-headers': JSON.stringify([remoteHeaders.user]),
  'requestheader-uid-headers': JSON.stringify([remoteHeaders.uid]),
  'requestheader-group-headers': JSON.stringify([remoteHeaders.group]),
  'requestheader-extra-headers-prefix': JSON.stringify([remoteHeaders.extraPrefix]),
};
const retryMs = 1_000;
/** Servers that use it look at it when they start: a certificate that has just expired may still be in use. */
const slackMs = 5 * 60 * 1000;

export class TrustPublisher implements Service {
  readonly name = 'extension-apiserver-authentication';
  readonly #options: TrustPublisherOptions;
  readonly #stop = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(options: TrustPublisherOptions) {
    this.#options = options;
  }

  /** Begins; resolves at once. */
  async start(): Promise<void> {
    this.#work = this.#untilDone();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #untilDone(): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        return await this.#publish();
      } catch (error) {
        log.warn('client authority could not be published', { error });
        await clock.sleep(retryMs, this.#stop.signal).catch(() => {});
      }
    }
  }

  async #publish(): Promise<void> {
    const { handler } = this.#options;
    const standing = await this.#standing();
    const data = { ...standing?.data, ...this.#trust(standing?.data ?? {}) };
    const options = { fieldManager: 'kube-apiserver' };
    if (standing === undefined) {
      await handler.create(this.#target(''), { metadata: { ...place }, data }, options);
    } else if (Object.entries(data).some(([key, value]) => standing.data?.[key] !== value)) {
      await handler.update(this.#target(place.name), { ...standing, data } as never, options);
    }
  }

  #trust(before: Readonly<Record<string, string>>): Record<string, string> {
    const { clock, clientAuthority, frontProxyAuthority } = this.#options;
    const bundle = (key: string, authority: string): Record<string, string> => ({
      [key]: combined([before[key] ?? '', authority], clock.now()),
    });
    return {
      ...bundle(authorityKey, clientAuthority),
      ...(frontProxyAuthority !== undefined && { ...bundle(frontProxyKey, frontProxyAuthority), ...headerData }),
    };
  }

  async #standing(): Promise<ConfigMap | undefined> {
    try {
      return (await this.#options.handler.get(this.#target(place.name))).object;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  #target(name: string): RequestTarget {
    const resource = this.#options.resources.find('', 'v1', 'configmaps');
    if (resource === undefined) throw new Error('ConfigMaps are not served');
    return { user: apiServer, resource, namespace: place.namespace, name, subresource: '' };
  }
}

/** Each certificate once, those that have expired left away. */
export function combined(bundles: readonly string[], nowMs: number): string {
  const found = new Map<string, string>();
  for (const block of bundles.join('\n').match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []) {
    const certificate = parsed(block);
    if (certificate === undefined || certificate.validToDate.getTime() <= nowMs - slackMs) continue;
    found.set(certificate.fingerprint256, certificate.toString());
  }
  return [...found.values()].join('');
}

function parsed(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}
