/** `/localImages/NAME?id=ID`: the archive of an image that was imported on this node. The server alone gets here, for a node that lacks it. */
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { localImageIn, localImagesRoute } from '../../api/shared-images.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Logger } from '../../lib/log.ts';
import { Gate } from '../gate.ts';
import type { ImageArchives } from '../images/images-of-nodes.ts';
import type { LocalImages } from '../images/local-images.ts';
import { notServed, type Route } from './route.ts';

export interface LocalImageRouteOptions {
  readonly local: Pick<LocalImages, 'list'>;
  readonly archives: Pick<ImageArchives, 'export'>;
  readonly log: Logger;
}

/** Each reads an image from the disk; others wait in order. */
const exportsMax = 4;

/** @param options absent: the node has no images of its own, as a simulated one */
export function localImages(options: LocalImageRouteOptions | undefined): Route {
  const gate = new Gate(exportsMax);
  return {
    path: localImagesRoute,
    async answer({ path, query }) {
      const name = localImageIn(path);
      if (options === undefined || name === undefined) throw notServed();
      const { local, archives, log } = options;
      const image = (await local.list()).find((one) => one.name === name && one.id === query.get('id'));
      if (image === undefined) throw new StatusError(404, 'NotFound', `image ${name} is no longer there`, {});
      const body = new PassThrough();
      const send = async (): Promise<void> => {
        if (!body.destroyed) await pipeline(archives.export(name), body);
      };
      gate
        .run(send)
        .catch((error: unknown) => log.warn('an image could not be given to another node', { name, error }));
      return { status: 200, headers: { 'content-type': 'application/x-tar' }, body };
    },
  };
}
