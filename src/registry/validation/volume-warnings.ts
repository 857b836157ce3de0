/** Volumes that no longer work, and files of one volume that get into each other's way. */
import { goQuote } from '../../api/field-error.ts';
import type { Volume, VolumeProjection, VolumeSource } from '../../api/schema/types/core-v1.ts';
import { limits } from '../../lib/limits.ts';
import { isFractional } from './quantities.ts';

/** In upstream's order and words; the last is named as upstream's messages have it. */
const deprecated: readonly (readonly [source: keyof VolumeSource, message: string, shown?: string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

export function volumeWarnings(path: string, volumes: readonly Volume[]): string[] {
  const sources = volumes.flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const gone = deprecated.filter(([source]) => volume[source] !== undefined);
    const size = volume.ephemeral?.volumeClaimTemplate?.spec?.resources?.requests?.['storage'];
    const sizeAt = `${at}.ephemeral.volumeClaimTemplate.spec.resources.requests[storage]`;
    return [
      ...gone.map(([source, message, shown]) => `${at}.${shown ?? source}: ${message}`),
      ...(size === undefined ? [] : fractionWarnings(sizeAt, size)),
    ];
  });
  return [...sources, ...volumes.flatMap(overlapWarnings)];
}

/** Half a byte is none. */
export function fractionWarnings(path: string, value: string): string[] {
  return isFractional(value) ? [`${path}: fractional byte value ${goQuote(value)} is invalid, must be an integer`] : [];
}

/** A file, and where it comes from where that has to be said. */
interface File {
  readonly path: string;
  readonly source: string;
}

function overlapWarnings(volume: Volume): string[] {
  const { name, configMap, secret, downwardAPI, projected } = volume;
  const warn = (what: string, files: readonly File[]): string[] =>
    overlaps(files).map((clash) => `volume ${goQuote(name)} (${what}): overlapping paths: ${clash}`);
  return [
    ...(configMap?.items ? warn(`ConfigMap ${goQuote(configMap.name ?? '')}`, filesOf(configMap.items, '')) : []),
    ...(secret?.items ? warn(`Secret ${goQuote(secret.secretName ?? '')}`, filesOf(secret.items, '')) : []),
    ...(downwardAPI?.items ? warn('DownwardAPI', filesOf(downwardAPI.items, '')) : []),
    ...(projected?.sources ?? [])
      .filter((source) => Object.keys(source).length === 0)
      .map(() => `volume ${goQuote(name)} (Projected) has no sources provided`),
    ...(projected ? warn('Projected', (projected.sources ?? []).flatMap(projectedFiles)) : []),
  ];
}

function filesOf(items: readonly { readonly path: string }[], source: string): File[] {
  return items.map(({ path }) => ({ path: withoutSlashes(path ?? ''), source }));
}

/** At its end. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}

function projectedFiles(source: VolumeProjection): File[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle } = source;
  if (configMap?.items) return filesOf(configMap.items, `ConfigMap ${goQuote(configMap.name ?? '')}`);
  if (secret?.items) return filesOf(secret.items, `Secret ${goQuote(secret.name ?? '')}`);
  if (downwardAPI?.items) return filesOf(downwardAPI.items, 'DownwardAPI');
  if (serviceAccountToken) return filesOf([serviceAccountToken], 'ServiceAccountToken');
  const { name, signerName } = clusterTrustBundle ?? {};
  return clusterTrustBundle
    ? filesOf([clusterTrustBundle], `ClusterTrustBundle ${goQuote(name ?? signerName ?? '')}`)
    : [];
}

/** A folder of all files seen so far, so that each is compared with those on its way only. */
interface Folder {
  readonly files: number[];
  readonly children: Map<string, Folder>;
}

const emptyFolder = (): Folder => ({ files: [], children: new Map() });

/** Two files of one name, or one that would have to be the other's folder. */
function overlaps(files: readonly File[]): string[] {
  const root = emptyFolder();
  const found: string[] = [];
  for (const [index, file] of files.entries()) {
    if (file.path === '') continue;
    const others = enter(root, file.path.split('/'), index);
    for (const other of others.sort((a, b) => a - b)) found.push(`${shown(file)} with ${shown(files[other] ?? file)}`);
    if (found.length >= limits.podWarningsMax) break;
  }
  return found;
}

/** Puts the file in and returns those that it clashes with: its folders, itself, and what lies below. */
function enter(root: Folder, segments: readonly string[], index: number): number[] {
  const clashes: number[] = [];
  let folder = root;
  for (const segment of segments) {
    let next = folder.children.get(segment);
    if (next === undefined) folder.children.set(segment, (next = emptyFolder()));
    folder = next;
    if (clashes.length < limits.podWarningsMax) clashes.push(...folder.files.slice(0, limits.podWarningsMax));
  }
  const below = [...folder.children.values()];
  for (let next = below.pop(); next !== undefined && clashes.length < limits.podWarningsMax; next = below.pop()) {
    clashes.push(...next.files.slice(0, limits.podWarningsMax));
    for (const child of next.children.values()) below.push(child);
  }
  folder.files.push(index);
  return clashes;
}

function shown({ path, source }: File): string {
  return source === '' ? goQuote(path) : `${goQuote(path)} (${source})`;
}
