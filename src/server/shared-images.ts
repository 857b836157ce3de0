/**
 * `GET /naru/images/NAME`: for a node that lacks an image, the nodes on which it was made or imported; with `?node=NODE` its archive, which comes over that
 * node's own connection at the asking node's pace.
 *
 * Kept true: only a node asks, and only for an image that a pod bound to it names; only nodes that are trusted with it are asked for one (the server's own
 * machine, and those with `sharesImagesLabel`), so that one node that was broken into hands nothing to the others; what is offered is the newest of
 * that name, and where several nodes have it, the very same on all of them.
 */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Node, Pod } from '../api/schema/types/core-v1.ts';
import {
  type ImageOffer,
  imagesOfPod,
  localImagePath,
  localImagesOf,
  sharedImageIn,
  sharesImagesLabel,
} from '../api/shared-images.ts';
import { StatusError } from '../api/status-error.ts';
import type { NodeConnections } from '../client/node-api.ts';
import type { SharedImages } from '../client/shared-images.ts';
import { nodeNameOf } from '../registry/node-identity.ts';
import { type Answer, rawJsonAnswer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { closeSignal } from './http/exchange.ts';
import { noSuchMethod } from './resource-lookup.ts';

export interface SharedImageServerOptions {
  /** The node in this process, where there is one. */
  readonly ownNode?: string | undefined;
  readonly connections: NodeConnections;
  readonly nodes: () => readonly Node[];
  /** Those that are bound to a node. */
  readonly podsOn: (node: string) => Promise<readonly Pod[]>;
  /** An image's name with registry and tag. @throws Error for what is none */
  readonly canonical: (image: string) => string;
}

/** Of the nodes that have an image, so many are told. */
const offersMax = 3;
const messageBytesMax = 4096;

export class SharedImageServer {
  readonly #options: SharedImageServerOptions;

  constructor(options: SharedImageServerOptions) {
    this.#options = options;
  }

  /** For a node in this process. */
  forNode(asking: string): SharedImages {
    return {
      offers: (name) => this.#offers(asking, name),
      open: (name, node) => this.#open(asking, name, node, new AbortController()),
    };
  }

  /** Undefined where the answer was sent as a stream. @throws StatusError */
  async answer({ exchange, path, query, user, headers }: RequestContext): Promise<Answer | undefined> {
    const asking = nodeNameOf(user);
    if (!asking) throw new StatusError(403, 'Forbidden', 'images of nodes are for nodes alone', {});
    if (exchange.method !== 'GET') throw noSuchMethod();
    const name = sharedImageIn(path);
    if (name === undefined) throw notFound('the path names no image');
    const node = query.get('node');
    if (node === null) {
      const offers = await this.#offers(asking, name);
      if (offers.length === 0) throw notFound(`no node has an image ${name} of its own`);
      return rawJsonAnswer({ offers });
    }
    const gone = new AbortController();
    closeSignal(exchange).addEventListener('abort', () => gone.abort(new Error('the node has gone')), { once: true });
    const body = await this.#open(asking, name, node, gone);
    const out = exchange.stream(200, { ...headers, 'content-type': 'application/x-tar' });
    // Where one of the two broke off, half an archive must not look like a whole one.
    await pipeline(body, out).catch(() => exchange.abort());
    return undefined;
  }

  #isTrusted({ metadata }: Node): boolean {
    return metadata?.name === this.#options.ownNode || metadata?.labels?.[sharesImagesLabel] === 'true';
  }

  async #offers(asking: string, name: string): Promise<readonly ImageOffer[]> {
    const having = this.#options
      .nodes()
      .filter((node) => node.metadata?.name !== asking && isReady(node) && this.#isTrusted(node))
      .flatMap((node) =>
        localImagesOf(node)
          .filter((image) => image.name === name)
          .map((image) => ({ ...image, node: node.metadata?.name ?? '' })),
      )
      .toSorted((a, b) => b.importedAtMs - a.importedAtMs || (a.node < b.node ? -1 : 1));
    if (having.length === 0) return [];
    await this.#mustNeed(asking, name);
    return having
      .filter(({ id }) => id === having[0]?.id)
      .slice(0, offersMax)
      .map(({ node, id }) => ({ node, id }));
  }

  async #open(asking: string, name: string, node: string, gone: AbortController): Promise<Readable> {
    const { connections, nodes } = this.#options;
    const having = nodes().find((one) => one.metadata?.name === node && this.#isTrusted(one));
    const image = having && localImagesOf(having).find((one) => one.name === name);
    if (image === undefined) throw notFound(`node ${node} has no image ${name} of its own`);
    await this.#mustNeed(asking, name);
    const request = { method: 'GET', path: localImagePath(name, image.id), headers: {}, signal: gone.signal };
    const { status, body } = await connections.call(node, request);
    if (status === 200) {
      body.once('close', () => gone.abort(new Error('the archive is over')));
      return body;
    }
    const message = await messageIn(body);
    throw new StatusError(status === 404 ? 404 : 503, status === 404 ? 'NotFound' : 'ServiceUnavailable', message);
  }

  /** @throws StatusError Forbidden */
  async #mustNeed(asking: string, name: string): Promise<void> {
    const { podsOn, canonical } = this.#options;
    const isWanted = (image: string): boolean => {
      try {
        return canonical(image) === name;
      } catch {
        return false;
      }
    };
    const pods = await podsOn(asking);
    if (pods.some((pod) => imagesOfPod(pod).some(isWanted))) return;
    throw new StatusError(403, 'Forbidden', `no pod on node ${asking} names image ${name}`, {});
  }
}

function isReady({ status }: Node): boolean {
  return status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false;
}

const notFound = (message: string): StatusError => new StatusError(404, 'NotFound', message, {});

/** A Status' message, or the text as it is. */
async function messageIn(body: Readable): Promise<string> {
  let text = '';
  for await (const chunk of body) if (text.length < messageBytesMax) text += String(chunk);
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    if (typeof message === 'string') return message;
  } catch {
    // Told as it is.
  }
  return text.trim() || 'the node gave no reason';
}
