/** How a node comes to an image that another node has: through the server, in its process or over HTTPS. */
import type { Readable } from 'node:stream';
import { type ImageOffer, offersOf, sharedImagePath } from '../api/shared-images.ts';
import { StatusError } from '../api/status-error.ts';
import type { HttpsClient } from './https-client.ts';

export interface SharedImages {
  /** Nodes that have it, all of them the same, the best to ask first; empty where none has. @param name with registry and tag */
  offers(name: string): Promise<readonly ImageOffer[]>;
  /** Its archive. Destroying the stream ends it. @throws StatusError with that node's reason */
  open(name: string, node: string): Promise<Readable>;
}

export function sharedImagesOver(client: Pick<HttpsClient, 'request' | 'stream'>): SharedImages {
  return {
    async offers(name) {
      try {
        const { body } = await client.request({ path: sharedImagePath(name) });
        return offersOf(JSON.parse(String(body)));
      } catch (error) {
        // Nobody has it; a server of an earlier version knows nothing of this.
        if (error instanceof StatusError && (error.code === 404 || error.code === 403)) return [];
        throw error;
      }
    },
    open: (name, node) => client.stream({ path: sharedImagePath(name, node), accept: '*/*' }),
  };
}
