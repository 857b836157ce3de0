/**
 * Follows the OpenAPI documents of extension servers: where those of version 3 stand (clients are passed on to them), and what version 2 adds
 * to this server's one document. Nobody who asks this server waits for them.
 *
 * Kept true: a server that cannot be asked keeps what it said last; `state` is another object after each change.
 */
import { parseJson } from '../../api/decode-json.ts';
import type { Content } from '../../api/openapi/documents.ts';
import { hashOf } from '../../api/openapi/kept-documents.ts';
import type { RemoteOpenApi } from '../../api/openapi.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';
import type { ApiServiceIndex, RemoteApi } from './api-service-index.ts';
import type { ExtensionServers } from './extension-servers.ts';
import { besides, contentOf, urlIn } from './remote-openapi-documents.ts';

export interface RemoteOpenApiOptions {
  readonly index: ApiServiceIndex;
  readonly servers: ExtensionServers;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** Of one group-version. */
interface Known {
  readonly path: string;
  readonly url: string | undefined;
  /** Of the document of version 2: what is the same is not read again. */
  readonly etag: string;
  readonly hash: string;
  readonly content: Content | undefined;
}

const lookAgainMs = 60_000;
const fetchMsMax = 30_000;
const retryMsMax = 5 * 60_000;

export class RemoteOpenApis implements Service {
  readonly name = 'remote openapi';
  readonly #options: RemoteOpenApiOptions;
  readonly #loop: ControlLoop;
  readonly #known = new Map<string, Known>();
  #state: RemoteOpenApi | undefined;
  #stop: () => void = () => {};

  constructor(options: RemoteOpenApiOptions) {
    this.#options = options;
    this.#loop = new ControlLoop({
      ...options,
      name: 'OpenAPI AggregationController',
      informers: [],
      workers: 1,
      backoffMsMin: 1_000,
      backoffMsMax: retryMsMax,
      reconcile: (key) => this.#look(key),
    });
  }

  /** Undefined: there is nothing to add. */
  get state(): RemoteOpenApi | undefined {
    if (this.#known.size === 0) return undefined;
    this.#state ??= stateOf([...this.#known.values()]);
    return this.#state;
  }

  async start(): Promise<void> {
    const { index } = this.#options;
    for (const { name } of index.remotes) this.#loop.queue.add(name);
    const seen = new Map<string, boolean>();
    this.#stop = index.onChange((name) => {
      const isAvailable = index.remotes.find((each) => each.name === name)?.isAvailable;
      if (isAvailable === seen.get(name)) return;
      if (isAvailable === undefined) seen.delete(name);
      else seen.set(name, isAvailable);
      this.#loop.queue.add(name);
    });
    await this.#loop.start();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#loop.close();
  }

  async #look(name: string): Promise<Outcome> {
    const api = this.#options.index.remotes.find((each) => each.name === name);
    if (api === undefined) {
      if (this.#known.delete(name)) this.#state = undefined;
      return done;
    }
    if (!api.isAvailable) return done;
    const before = this.#known.get(name);
    const known = await this.#fetch(api, before);
    if (before?.hash !== known.hash || before.url !== known.url) this.#state = undefined;
    this.#known.set(name, known);
    return after(lookAgainMs);
  }

  /** @throws Error */
  async #fetch(api: RemoteApi, before: Known | undefined): Promise<Known> {
    const path = `apis/${api.group}/${api.version}`;
    const index = await this.#get(api, '/openapi/v3', {});
    const url = index.status === 200 ? urlIn(parsed(index.body), api) : undefined;
    const headers = before?.etag ? { 'if-none-match': before.etag } : undefined;
    const { status, body, headers: answered } = await this.#get(api, '/openapi/v2', headers ?? {});
    if (status === 304 && before !== undefined) return { ...before, url };
    if (status >= 500) throw new Error(`failed to download OpenAPI of ${api.name}: status ${status}`);
    const content = status === 200 ? contentOf(parsed(body), api) : undefined;
    const hash = content === undefined ? '' : hashOf(JSON.stringify(content));
    return { path, url, etag: answered.etag ?? '', hash, content };
  }

  #get(api: RemoteApi, path: string, headers: Readonly<Record<string, string>>) {
    const bytesMax = limits.extensionOpenApiBytesMax;
    return this.#options.servers.call(api, { path, headers, timeoutMs: fetchMsMax, bytesMax });
  }
}

function stateOf(known: readonly Known[]): RemoteOpenApi {
  const urls = known.flatMap(({ path, url }) => (url === undefined ? [] : [[path, url] as const]));
  const contents = known.flatMap(({ content }) => content ?? []);
  return {
    urls: new Map(urls),
    hash: hashOf(known.map(({ path, hash }) => `${path} ${hash}`).join('\n')),
    contents: (names) => contents.map((content) => besides(content, names)),
  };
}

/** Bounded in depth; undefined where it is no JSON. */
function parsed(body: Buffer): unknown {
  try {
    return parseJson(body).value;
  } catch {
    return undefined;
  }
}
