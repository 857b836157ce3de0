/** All kinds of volumes that this node can mount. A new one is a file and its line here. */
import type { Volume } from '../../../api/schema/types/core-v1.ts';
import { VolumeError } from '../config-error.ts';
import { claimPlugins, notSupported } from './claim.ts';
import { emptyDirPlugin } from './empty-dir.ts';
import { hostPathPlugin } from './host-path.ts';
import { imagePlugin } from './image.ts';
import type { VolumePlugin } from './plugin.ts';
import { projectedPlugins } from './projected.ts';

export const volumePlugins: readonly VolumePlugin[] = [
  emptyDirPlugin,
  hostPathPlugin,
  imagePlugin,
  ...projectedPlugins,
  ...claimPlugins,
];

/** @throws VolumeError that names the kind where the node cannot mount it */
export function pluginOf(plugins: readonly VolumePlugin[], volume: Volume): VolumePlugin {
  const plugin = plugins.find(({ field }) => volume[field] !== undefined);
  if (plugin !== undefined) return plugin;
  const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
  throw new VolumeError(notSupported(kind));
}
