/** ImageLocality: prefers nodes that have the pod's images, the larger the better; images on few nodes count less, so that these do not fill up. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import { imagesOf } from '../snapshot/images.ts';

const mebibyte = 1024 * 1024;
const bytesMin = 23 * mebibyte;
const bytesMaxEach = 1000 * mebibyte;

export const imageLocality: Plugin = {
  name: 'ImageLocality',
  score: ({ pod }, { snapshot }) => {
    if (snapshot.images.isEmpty) return 'skip';
    const names = wantedImages(pod);
    const spread = names.map((name) => snapshot.images.nodesWith(name) / Math.max(1, snapshot.nodes.length));
    if (spread.every((share) => share === 0)) return 'skip';
    const bytesMax = bytesMaxEach * names.length;
    return {
      score: ({ node }) => {
        const images = imagesOf(node);
        let sum = 0;
        for (const [index, name] of names.entries()) sum += Math.trunc((images.get(name) ?? 0) * (spread[index] ?? 0));
        const bounded = Math.min(bytesMax, Math.max(bytesMin, sum));
        return Math.floor((100 * (bounded - bytesMin)) / (bytesMax - bytesMin));
      },
    };
  },
};

/** As a node reports them: with a tag. */
function wantedImages({ spec }: Pod): string[] {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const images = containers.flatMap(({ image }) => (image ? [image] : []));
  for (const { image } of spec?.volumes ?? []) if (image?.reference) images.push(image.reference);
  return images.map((image) => (image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image));
}
