/**
 * Volumes that are made from objects: `configMap`, `secret`, `downwardAPI`, and `projected`, which is several of them together. All but ConfigMaps
 * lie in memory: a disk that is stolen, sold or copied tells no secret and no token.
 */
import { writeFolder } from './atomic-folder.ts';
import { folderVolume, type VolumeContext, type VolumePlugin } from './plugin.ts';
import { projectedFiles } from './projected-files.ts';

const kinds = [
  { field: 'configMap', medium: 'disk' },
  { field: 'secret', medium: 'memory' },
  { field: 'downwardAPI', medium: 'memory' },
  { field: 'projected', medium: 'memory' },
] as const;

export const projectedPlugins: readonly VolumePlugin[] = kinds.map(({ field, medium }) => ({
  field,
  usage: () => medium,
  isRefreshed: true,
  async prepare(context) {
    const files = await projectedFiles(context, context.volume);
    const folder = medium === 'memory' ? await context.memoryFolder() : context.folder;
    await writeFolder(folder, files, context.pod.spec?.securityContext?.fsGroup);
    return folderVolume(folder, true);
  },
  refreshAtMs,
}));

/** Objects tell when they change; tokens and trust bundles do not. */
function refreshAtMs({ volume, tokens, nowMs }: VolumeContext): number {
  const sources = volume.projected?.sources ?? [];
  const hasBundle = sources.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined);
  const hasToken = sources.some(({ serviceAccountToken }) => serviceAccountToken !== undefined);
  return Math.min(
    hasBundle ? nowMs + bundleRefreshMs : Number.POSITIVE_INFINITY,
    hasToken ? Math.max(tokens.renewAtMs(), nowMs + tokenRetryMs) : Number.POSITIVE_INFINITY,
  );
}

const bundleRefreshMs = 60_000;
/** While the server gives no new token, the old one stays, and it is asked so often. */
const tokenRetryMs = 10_000;
