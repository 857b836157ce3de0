/** What stands in volumes that are made from objects: ConfigMaps, Secrets, facts about the pod, tokens, and several together. */
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Secret,
  Volume,
  VolumeProjection,
} from '../../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../../object-source.ts';
import { VolumeError } from '../config-error.ts';
import { type DownwardFacts, fieldValue, resourceValue } from '../downward.ts';
import type { FolderContent, FolderFile } from './atomic-folder.ts';
import type { PodTokens } from './pod-tokens.ts';
import { tokenFile } from './token-owner.ts';
import { trustAnchors } from './trust-anchors.ts';

export interface ProjectionFacts extends DownwardFacts {
  readonly source: ObjectSource;
  readonly tokens: PodTokens;
  readonly nowMs: number;
}

const defaultFileMode = 0o644;

/** True where `volume` is made from objects, and may change with them. */
export function isProjected(volume: Volume): boolean {
  return (volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected) !== undefined;
}

/** @throws VolumeError where something that it is made from is missing */
export async function projectedFiles(facts: ProjectionFacts, volume: Volume): Promise<FolderContent> {
  const { configMap, secret, downwardAPI, projected } = volume;
  const mode = (configMap ?? secret ?? downwardAPI ?? projected)?.defaultMode ?? defaultFileMode;
  const files = new Map<string, FolderFile>();
  const { secretName, ...keysOfSecret } = secret ?? {};
  const sources: readonly VolumeProjection[] = projected?.sources ?? [
    {
      ...(configMap !== undefined && { configMap }),
      ...(secret !== undefined && { secret: { ...keysOfSecret, name: secretName ?? '' } }),
      ...(downwardAPI !== undefined && { downwardAPI }),
    },
  ];
  for (const source of sources) await addSource(facts, source, mode, files);
  return files;
}

async function addSource(
  facts: ProjectionFacts,
  source: VolumeProjection,
  mode: number,
  files: Map<string, FolderFile>,
): Promise<void> {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const namespace = facts.pod.metadata?.namespace ?? '';
  if (configMap !== undefined) {
    const name = configMap.name ?? '';
    const object = await facts.source.configMap({ namespace, name });
    const what = { ...ofConfigMap, name, optional: configMap.optional ?? false, items: configMap.items };
    addKeys(files, mode, object === undefined ? undefined : configMapData(object), what);
  } else if (secret !== undefined) {
    const name = secret.name ?? '';
    const object = await facts.source.secret({ namespace, name });
    const what = { ...ofSecret, name, optional: secret.optional ?? false, items: secret.items };
    addKeys(files, mode, object === undefined ? undefined : secretData(object), what);
  } else if (downwardAPI !== undefined) {
    for (const item of downwardAPI.items ?? []) addDownward(facts, files, mode, item);
  } else if (serviceAccountToken !== undefined) {
    const { pod, tokens, nowMs } = facts;
    const token = await tokens.get(facts.source, pod, serviceAccountToken, nowMs);
    files.set(serviceAccountToken.path, { data: Buffer.from(token), ...tokenFile(pod, mode) });
  } else if (clusterTrustBundle !== undefined) {
    files.set(clusterTrustBundle.path, {
      data: await trustAnchors(facts.source, clusterTrustBundle),
      ...tokenFile(facts.pod, mode),
    });
  } else if (podCertificate !== undefined) {
    const why = 'this node asks for no certificates in the name of pods: use a serviceAccountToken';
    throw new VolumeError(`projected volume source podCertificate is not supported: ${why}`);
  } else {
    throw new VolumeError(`projected volume source ${Object.keys(source)[0] ?? 'without a kind'} is not supported`);
  }
}

/** Upstream's words for the two kinds. */
const ofConfigMap = { kind: 'configmap', noKey: 'configmap references non-existent config key' };
const ofSecret = { kind: 'secret', noKey: 'references non-existent secret key' };

interface KeysFrom {
  readonly kind: string;
  readonly noKey: string;
  readonly name: string;
  readonly optional: boolean;
  readonly items: readonly KeyToPath[] | undefined;
}

function addKeys(
  files: Map<string, FolderFile>,
  mode: number,
  data: ReadonlyMap<string, Buffer> | undefined,
  { kind, noKey, name, optional, items }: KeysFrom,
): void {
  if (data === undefined && !optional) throw new VolumeError(`${kind} "${name}" not found`);
  if (items === undefined || items.length === 0) {
    for (const [key, value] of data ?? []) files.set(key, { data: value, mode });
    return;
  }
  for (const item of items) {
    const value = data?.get(item.key);
    if (value !== undefined) files.set(item.path, { data: value, mode: item.mode ?? mode });
    else if (!optional) throw new VolumeError(`${noKey}: ${item.key}`);
  }
}

function configMapData({ data, binaryData }: ConfigMap): ReadonlyMap<string, Buffer> {
  const binary = Object.entries(binaryData ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')] as const);
  return new Map([...Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value)] as const), ...binary]);
}

function secretData({ data }: Secret): ReadonlyMap<string, Buffer> {
  return new Map(Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

function addDownward(
  facts: ProjectionFacts,
  files: Map<string, FolderFile>,
  mode: number,
  { path, fieldRef, resourceFieldRef, mode: own }: DownwardAPIVolumeFile,
): void {
  let value = '';
  if (fieldRef !== undefined) value = fieldValue(facts, fieldRef);
  else if (resourceFieldRef !== undefined) value = resourceValue(facts, resourceFieldRef);
  files.set(path, { data: Buffer.from(value), mode: own ?? mode });
}
