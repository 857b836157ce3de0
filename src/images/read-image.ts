/**
 * Reads an OCI archive apart: the layers as files, and the configuration, for images that are built on others. Only what `checkImageArchive` let through comes here;
 * names of blobs are digests, so that nothing is written outside the folder.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import type { ImageConfig, MadeLayer } from './archive-writer.ts';
import type { Architecture } from './platform.ts';

export interface ReadImage {
  readonly config: ImageConfig;
  /** The lowest first. */
  readonly layers: readonly MadeLayer[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly platform?: { readonly architecture?: string; readonly os?: string };
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

const indexesDeepMax = 4;

/** @param folder gets the layers @throws Error where the archive holds no image for this architecture */
export async function readImage(archive: string, folder: string, architecture: Architecture): Promise<ReadImage> {
  await unpackBlobs(archive, folder);
  const blob = async (digest: string): Promise<Buffer> => readFile(blobFile(folder, digest));
  let manifest = JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')) as Manifest;
  for (let depth = 0; manifest.layers === undefined && depth < indexesDeepMax; depth++) {
    const fitting = (manifest.manifests ?? []).find(({ platform }) => isFor(platform, architecture));
    if (fitting === undefined) throw new Error(`the image has nothing for linux/${architecture}`);
    manifest = JSON.parse((await blob(fitting.digest)).toString()) as Manifest;
  }
  const { config, layers } = manifest;
  if (config === undefined || layers === undefined) throw new Error('the archive holds no image');
  const about = JSON.parse((await blob(config.digest)).toString()) as {
    readonly config?: ImageConfig;
    readonly rootfs?: { readonly diff_ids?: readonly string[] };
  };
  const made = layers.map((layer, index) => madeLayer(folder, layer, about.rootfs?.diff_ids?.[index]));
  return { config: about.config ?? {}, layers: await Promise.all(made) };
}

const isFor = (platform: Descriptor['platform'], architecture: Architecture): boolean =>
  platform === undefined || (platform.architecture === architecture && (platform.os ?? 'linux') === 'linux');

async function madeLayer(folder: string, { digest, mediaType }: Descriptor, diffId?: string): Promise<MadeLayer> {
  const file = blobFile(folder, digest);
  if (diffId === undefined) throw new Error(`the image does not say what its layer ${digest} unpacks to`);
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  if (`sha256:${hash.digest('hex')}` !== digest) throw new Error(`the layer ${digest} is damaged`);
  return { file, digest, diffId, mediaType, sizeBytes: (await stat(file)).size };
}

function blobFile(folder: string, digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (hex === undefined) throw new Error(`"${digest}" is no digest that naru knows (sha256)`);
  return join(folder, hex);
}

async function unpackBlobs(archive: string, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const entries = extract();
  const filling = pipeline(createReadStream(archive), entries);
  for await (const entry of entries) {
    const { name } = entry.header;
    const hex = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
    const target = hex ?? (/^(?:\.\/)?index\.json$/.test(name) ? 'index.json' : undefined);
    if (target === undefined) entry.resume();
    else await pipeline(entry, createWriteStream(join(folder, target), { mode: 0o600 }));
  }
  await filling;
}
