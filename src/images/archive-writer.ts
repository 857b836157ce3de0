/**
 * Writes an image as one tar that is both an OCI image layout (`oci-layout`, `index.json`, `blobs/`) and a docker archive
 * (`manifest.json`), so that `docker load`, `podman load`, `ctr images import` and naru itself all read it.
 *
 * The same specification gives the same bytes: entries are sorted, times are zero, owners are numbers. One layer, not
 * compressed (the docker archive wants it plain, and an import on the same machine is faster so).
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Transform, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Header, type Pack, pack } from 'tar-stream';
import type { Architecture } from './platform.ts';
import { parseReference } from './reference.ts';

/** One file of the image's root file system; `path` is relative, without a leading slash. */
export type LayerEntry = {
  readonly path: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
} & (
  | { readonly type: 'directory' }
  | { readonly type: 'symlink'; readonly target: string }
  | { readonly type: 'file'; readonly content: Buffer }
  /** A file of this machine; its size is what it has when it is read. */
  | { readonly type: 'file'; readonly source: string; readonly sizeBytes: number }
);

/** The part of OCI's image configuration that naru writes, with its field names. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

export interface ImageSpecification {
  /** Normalised when written: `web` becomes `docker.io/library/web:latest`. */
  readonly names: readonly string[];
  readonly architecture: Architecture;
  readonly config: ImageConfig;
  readonly entries: readonly LayerEntry[];
}

export interface WrittenImage {
  readonly names: readonly string[];
  readonly manifestDigest: string;
  /** The configuration's digest: the image id that runtimes show. */
  readonly imageId: string;
  readonly layerBytes: number;
}

type TarHeader = Partial<Header> & Pick<Header, 'name'>;

const epoch = new Date(0);

/** Writes `output` in one step: it appears whole, or not at all. */
export async function writeImageArchive(specification: ImageSpecification, output: string): Promise<WrittenImage> {
  const folder = await mkdtemp(join(dirname(resolve(output)), `.${basename(output)}-`));
  try {
    const layerFile = join(folder, 'layer');
    const layer = await writeLayer(specification.entries, layerFile);
    const image = describe(specification, layer);
    const whole = join(folder, 'whole');
    await pipeline(packArchive(image, layerFile), createWriteStream(whole));
    await rename(whole, output);
    return image.written;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** Makes the layer's tar in a file and returns its digest, which is its name in the archive and so must be known first. */
async function writeLayer(entries: readonly LayerEntry[], file: string): Promise<Blob> {
  const hash = createHash('sha256');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const tar = pack();
  const filled = addLayerEntries(tar, entries).catch((error: unknown) => tar.destroy(error as Error));
  await pipeline(tar, measure, createWriteStream(file));
  await filled;
  return { digest: `sha256:${hash.digest('hex')}`, size };
}

async function addLayerEntries(tar: Pack, entries: readonly LayerEntry[]): Promise<void> {
  for (const entry of inTarOrder(entries)) {
    const header: TarHeader = {
      name: entry.type === 'directory' ? `${entry.path}/` : entry.path,
      mode: entry.mode,
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      mtime: epoch,
      type: entry.type,
    };
    if (entry.type === 'symlink') await addEntry(tar, { ...header, linkname: entry.target });
    else if (entry.type === 'directory') await addEntry(tar, header);
    else if ('content' in entry) await addEntry(tar, header, entry.content);
    else await addFile(tar, { ...header, size: entry.sizeBytes }, entry.source);
  }
  tar.finalize();
}

/** Parents before children, and the same order however the entries came. @throws Error where a path comes twice */
export function inTarOrder(entries: readonly LayerEntry[]): LayerEntry[] {
  const byPath = new Map<string, LayerEntry>();
  for (const entry of entries) {
    if (byPath.has(entry.path)) throw new Error(`the image would hold ${entry.path} twice`);
    byPath.set(entry.path, entry);
  }
  return [...byPath.keys()].sort().map((path) => byPath.get(path) as LayerEntry);
}

function addEntry(tar: Pack, header: TarHeader, content: Buffer = Buffer.alloc(0)): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, content, (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(tar: Pack, header: TarHeader, source: string): Promise<void> {
  const entry = tar.entry(header) as unknown as Writable;
  await pipeline(createReadStream(source, { highWaterMark: 1 << 20 }), entry);
}

interface DescribedImage {
  readonly layer: Blob;
  readonly config: Buffer;
  readonly manifest: Buffer;
  readonly index: Buffer;
  readonly dockerManifest: Buffer;
  readonly written: WrittenImage;
}

function describe(specification: ImageSpecification, layer: Blob): DescribedImage {
  const names = specification.names.map((name) => parseReference(name).canonical);
  const platform = { architecture: specification.architecture, os: 'linux' };
  const config = json({
    ...platform,
    created: epoch.toISOString(),
    config: specification.config,
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    history: [{ created: epoch.toISOString(), created_by: 'naru' }],
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...blobOf(config) },
    layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', ...layer }],
  });
  return {
    layer,
    config,
    manifest,
    index: json(ociIndex(names, blobOf(manifest), platform)),
    dockerManifest: json([{ Config: blobPath(blobOf(config)), RepoTags: names, Layers: [blobPath(layer)] }]),
    written: {
      names,
      manifestDigest: blobOf(manifest).digest,
      imageId: blobOf(config).digest,
      layerBytes: layer.size,
    },
  };
}

/** containerd takes the name from its own annotation; others read only the tag in OCI's. */
function ociIndex(names: readonly string[], manifest: Blob, platform: { architecture: string; os: string }): object {
  const manifests = names.map((name) => ({
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...manifest,
    platform,
    annotations: {
      'io.containerd.image.name': name,
      'org.opencontainers.image.ref.name': parseReference(name).tag ?? 'latest',
    },
  }));
  return { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
}

function packArchive(image: DescribedImage, layerFile: string): Pack {
  const tar = pack();
  const fill = async (): Promise<void> => {
    const file = { mode: 0o644, uid: 0, gid: 0, mtime: epoch, type: 'file' as const };
    const folder = { ...file, mode: 0o755, type: 'directory' as const };
    await addEntry(tar, { ...file, name: 'oci-layout' }, json({ imageLayoutVersion: '1.0.0' }));
    await addEntry(tar, { ...file, name: 'index.json' }, image.index);
    await addEntry(tar, { ...file, name: 'manifest.json' }, image.dockerManifest);
    await addEntry(tar, { ...folder, name: 'blobs/' });
    await addEntry(tar, { ...folder, name: 'blobs/sha256/' });
    await addEntry(tar, { ...file, name: blobPath(blobOf(image.manifest)) }, image.manifest);
    await addEntry(tar, { ...file, name: blobPath(blobOf(image.config)) }, image.config);
    await addFile(tar, { ...file, name: blobPath(image.layer), size: image.layer.size }, layerFile);
    tar.finalize();
  };
  fill().catch((error: unknown) => tar.destroy(error as Error));
  return tar;
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function blobOf(content: Buffer): Blob {
  return { digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, size: content.length };
}

function blobPath(blob: Blob): string {
  return `blobs/${blob.digest.replace(':', '/')}`;
}
