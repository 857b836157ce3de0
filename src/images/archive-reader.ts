/**
 * Looks into an image archive before anything is done with it: which form it has (OCI layout, `docker save`, or both in
 * one), whether it is whole, and which names it carries. Reads it once, from start to end, and keeps only the indexes.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { extract } from 'tar-stream';

export interface ImageArchive {
  readonly format: 'oci' | 'docker' | 'both';
  readonly compression: Compression;
  /** As they stand in the archive; empty where its images have none. */
  readonly names: readonly string[];
}

export type Compression = 'none' | 'gzip' | 'zstd';

/** An index larger than this is not one. */
const indexBytesMax = 8 * 1024 * 1024;

/** @throws Error in a sentence that names the file and says why it is no image archive, or what is missing in it */
export async function checkImageArchive(file: string): Promise<ImageArchive> {
  const compression = await compressionOf(file);
  const contents = await readContents(file, compression);
  const docker = dockerNames(file, contents);
  const oci = ociNames(file, contents);
  if (docker === undefined && oci === undefined) throw notAnImage(file, contents);
  const format = docker === undefined ? 'oci' : oci === undefined ? 'docker' : 'both';
  return { format, compression, names: [...new Set([...(oci ?? []), ...(docker ?? [])])] };
}

async function compressionOf(file: string): Promise<Compression> {
  const head = await readHead(file);
  if (head.length === 0) throw new Error(`${file} is empty`);
  if (head.readUInt16BE(0) === 0x1f8b) return 'gzip';
  if (head.length >= 4 && head.readUInt32LE(0) === 0xfd2f_b528) return 'zstd';
  if (head.subarray(257, 262).toString('latin1') === 'ustar') return 'none';
  throw new Error(`${file} is no image archive: it is neither a tar file nor one compressed with gzip or zstd`);
}

async function readHead(file: string): Promise<Buffer> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${error.code})`, { cause: error });
  });
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(512), 0, 512, 0);
    return buffer.subarray(0, bytesRead < 2 ? 0 : bytesRead);
  } finally {
    await handle.close();
  }
}

interface Contents {
  /** Size of every file, by name. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly indexes: ReadonlyMap<string, Buffer>;
}

const indexNames: ReadonlySet<string> = new Set(['oci-layout', 'index.json', 'manifest.json']);

async function readContents(file: string, compression: Compression): Promise<Contents> {
  const sizes = new Map<string, number>();
  const indexes = new Map<string, Buffer>();
  const tar = extract();
  const read = async (): Promise<void> => {
    for await (const entry of tar) {
      const name = entry.header.name.replace(/^\.\//, '');
      sizes.set(name, entry.header.size ?? 0);
      if (indexNames.has(name)) indexes.set(name, await readIndex(file, name, entry as AsyncIterable<unknown>));
      else entry.resume();
    }
  };
  try {
    // tar-stream's streams are no Node streams by type, but serve as such.
    const sink = tar as unknown as NodeJS.WritableStream;
    await Promise.all([pipeline(openImageArchive(file, compression), sink), read()]);
  } catch (error) {
    throw new Error(`${file} is damaged, or cut off: ${(error as Error).message}`, { cause: error });
  }
  return { sizes, indexes };
}

/** The archive's bytes, decompressed. What goes wrong with the file is the stream's error. */
export function openImageArchive(file: string, compression: Compression): Readable {
  const source = createReadStream(file, { highWaterMark: 1 << 20 });
  if (compression === 'none') return source;
  const unpacked = decompressor(compression);
  pipeline(source, unpacked).catch((error: Error) => unpacked.destroy(error));
  return unpacked;
}

function decompressor(compression: 'gzip' | 'zstd'): zlib.Gunzip | zlib.ZstdDecompress {
  return compression === 'gzip' ? zlib.createGunzip() : zlib.createZstdDecompress();
}

async function readIndex(file: string, name: string, entry: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of entry) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > indexBytesMax) throw new Error(`${name} in ${file} has more than ${indexBytesMax} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/** Undefined where the archive is no docker archive. */
function dockerNames(file: string, contents: Contents): string[] | undefined {
  const images = parsed(file, contents, 'manifest.json');
  if (!Array.isArray(images)) return undefined;
  return images.flatMap(
    ({ Config, Layers, RepoTags }: { Config?: string; Layers?: string[]; RepoTags?: string[] | null }) => {
      for (const path of [Config ?? '', ...(Layers ?? [])]) {
        if (!contents.sizes.has(path))
          throw new Error(`${file} is incomplete: manifest.json names ${path || 'no Config'}, which is not in it`);
      }
      return RepoTags ?? [];
    },
  );
}

interface Descriptor {
  readonly digest?: string;
  readonly size?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Undefined where the archive is no OCI layout. */
function ociNames(file: string, contents: Contents): string[] | undefined {
  const index = parsed(file, contents, 'index.json') as { manifests?: Descriptor[] } | undefined;
  if (!Array.isArray(index?.manifests)) return undefined;
  if (!contents.indexes.has('oci-layout')) throw new Error(`${file} has an index.json, but no oci-layout beside it`);
  return index.manifests.flatMap((manifest) => {
    const blob = `blobs/${(manifest.digest ?? '').replace(':', '/')}`;
    const size = contents.sizes.get(blob);
    if (size === undefined) throw new Error(`${file} is incomplete: index.json names ${blob}, which is not in it`);
    if (size !== manifest.size)
      throw new Error(`${file} is damaged: ${blob} has ${size} bytes, and should have ${manifest.size}`);
    return nameOf(manifest.annotations ?? {});
  });
}

/** containerd's annotation holds the whole name; OCI's may hold a whole name or only a tag, which names nothing. */
function nameOf(annotations: Readonly<Record<string, string>>): string[] {
  const whole = annotations['io.containerd.image.name'];
  const reference = annotations['org.opencontainers.image.ref.name'];
  if (whole !== undefined) return [whole];
  return reference !== undefined && /[/:]/.test(reference) ? [reference] : [];
}

function parsed(file: string, contents: Contents, name: string): unknown {
  const text = contents.indexes.get(name);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw new Error(`${name} in ${file} is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

function notAnImage(file: string, contents: Contents): Error {
  const isRoot = [...contents.sizes.keys()].some((name) => /^(bin|etc|usr)\//.test(name));
  const hint = isRoot ? '. It looks like a root file system: an image also has a configuration' : '';
  return new Error(
    `${file} is a tar file, but no image archive: it has neither an index.json (OCI layout) nor a manifest.json (docker save)${hint}`,
  );
}
