/**
 * Writes an image as one tar that is both an OCI image layout (`oci-layout`, `index.json`, `blobs/`) and a docker archive
 * (`manifest.json`), so that `docker load`, `podman load`, `ctr images import` and naru itself all read it.
 *
 * The same specification gives the same bytes: entries are sorted, times are given, owners are numbers. Layers that are made here are not
 * compressed (the docker archive wants them plain, and an import on the same machine is faster so).
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
  readonly ExposedPorts?: Readonly<Record<string, object>>;
}

/** A layer whose tar lies in a file of this machine already. */
export interface MadeLayer {
  readonly file: string;
  /** Of the file as it is. */
  readonly digest: string;
  /** Of the tar in it: the same where it is not compressed. */
  readonly diffId: string;
  readonly sizeBytes: number;
  readonly mediaType: string;
}

export type ImageLayer = MadeLayer | { readonly entries: readonly LayerEntry[] };

export interface ImageSpecification {
  /** Normalised when written: `web` becomes `docker.io/library/web:latest`. */
  readonly names: readonly string[];
  readonly architecture: Architecture;
  readonly config: ImageConfig;
  /** The lowest first. */
  readonly layers: readonly ImageLayer[];
  /** When the image says that it was made; 1970 where absent. */
  readonly created?: Date;
}

export interface WrittenImage {
  readonly names: readonly string[];
  readonly manifestDigest: string;
  /** The configuration's digest: the image id that runtimes show. */
  readonly imageId: string;
  readonly layers: readonly { readonly digest: string; readonly sizeBytes: number }[];
}

type TarHeader = Partial<Header> & Pick<Header, 'name'>;

const epoch = new Date(0);
const plainLayer = 'application/vnd.oci.image.layer.v1.tar';

/** Writes `output` in one step: it appears whole, or not at all. */
export async function writeImageArchive(specification: ImageSpecification, output: string): Promise<WrittenImage> {
  const folder = await mkdtemp(join(dirname(resolve(output)), `.${basename(output)}-`));
  try {
    const layers: MadeLayer[] = [];
    for (const [index, layer] of specification.layers.entries()) {
      layers.push('entries' in layer ? await writeLayer(layer.entries, join(folder, `layer-${index}`)) : layer);
    }
    const image = describe(specification, layers);
    const whole = join(folder, 'whole');
    await pipeline(packArchive(image), createWriteStream(whole));
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

/** Makes the layer's tar in a file. Its digest is its name in the archive, and so must be known before that is written. */
export async function writeLayer(
  entries: readonly LayerEntry[],
  file: string,
  modified: Date = epoch,
): Promise<MadeLayer> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      done(null, chunk);
    },
  });
  const tar = pack();
  const filled = addLayerEntries(tar, entries, modified).catch((error: unknown) => tar.destroy(error as Error));
  await pipeline(tar, measure, createWriteStream(file));
  await filled;
  const digest = `sha256:${hash.digest('hex')}`;
  return { file, digest, diffId: digest, sizeBytes, mediaType: plainLayer };
}

async function addLayerEntries(tar: Pack, entries: readonly LayerEntry[], modified: Date): Promise<void> {
  for (const entry of inTarOrder(entries)) {
    const header: TarHeader = {
      name: entry.type === 'directory' ? `${entry.path}/` : entry.path,
      mode: entry.mode,
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      mtime: modified,
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
  /** Each once, though an image may hold one twice. */
  readonly layers: readonly MadeLayer[];
  readonly config: Buffer;
  readonly manifest: Buffer;
  readonly index: Buffer;
  readonly dockerManifest: Buffer;
  readonly written: WrittenImage;
}

function describe(specification: ImageSpecification, layers: readonly MadeLayer[]): DescribedImage {
  const created = (specification.created ?? epoch).toISOString();
  const names = specification.names.map((name) => parseReference(name).canonical);
  const platform = { architecture: specification.architecture, os: 'linux' };
  const config = json({
    ...platform,
    created,
    config: specification.config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created, created_by: 'naru' })),
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', ...blobOf(config) },
    layers: layers.map(({ mediaType, digest, sizeBytes }) => ({ mediaType, digest, size: sizeBytes })),
  });
  return {
    layers: [...new Map(layers.map((layer) => [layer.digest, layer])).values()],
    config,
    manifest,
    index: json(ociIndex(names, blobOf(manifest), platform)),
    dockerManifest: json([{ Config: blobPath(blobOf(config)), RepoTags: names, Layers: layers.map(blobPath) }]),
    written: {
      names,
      manifestDigest: blobOf(manifest).digest,
      imageId: blobOf(config).digest,
      layers: layers.map(({ digest, sizeBytes }) => ({ digest, sizeBytes })),
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

function packArchive(image: DescribedImage): Pack {
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
    for (const layer of image.layers) {
      await addFile(tar, { ...file, name: blobPath(layer), size: layer.sizeBytes }, layer.file);
    }
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

function blobPath({ digest }: { readonly digest: string }): string {
  return `blobs/${digest.replace(':', '/')}`;
}
