/**
 * An agent's program as one file that nodes fetch from their server: all code in one module, and the files that it finds beside its source. The
 * same program gives the same bytes, so that their SHA-256 names it. Packed JSON: it has a hundred files at most, and needs no other reader.
 */
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const [compress, expand] = [promisify(gzip), promisify(gunzip)];

export interface AgentProgram {
  /** naru's. */
  readonly version: string;
  /** By path, relative, with slashes. */
  readonly files: ReadonlyMap<string, Buffer>;
}

interface Content {
  readonly format: 1;
  readonly version: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Of the module that starts it. */
export const mainFile = 'agent.mjs';
/** Unpacked; at it, an archive is refused. */
const bytesMax = 128 * 1024 * 1024;
const filesMax = 1000;

export async function packProgram({ version, files }: AgentProgram): Promise<Buffer> {
  const sorted = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const content: Content = {
    format: 1,
    version,
    files: Object.fromEntries(sorted.map(([name, bytes]) => [name, bytes.toString('base64')])),
  };
  return compress(JSON.stringify(content), { level: 9 });
}

/** @throws Error for what is no such archive, or would write outside its folder */
export async function unpackProgram(archive: Uint8Array): Promise<AgentProgram> {
  const text = (await expand(archive, { maxOutputLength: bytesMax })).toString();
  const { format, version, files } = JSON.parse(text) as Partial<Content>;
  if (format !== 1 || typeof version !== 'string' || typeof files !== 'object') {
    throw new Error('the agent program has a form that this version does not know');
  }
  const entries = Object.entries(files);
  const wrong = entries.find(([name, value]) => typeof value !== 'string' || !isInside(name));
  if (wrong !== undefined || entries.length > filesMax)
    throw new Error(`the agent program holds a wrong file ${wrong?.[0]}`);
  if (files[mainFile] === undefined) throw new Error(`the agent program has no ${mainFile}`);
  return { version, files: new Map(entries.map(([name, value]) => [name, Buffer.from(value, 'base64')])) };
}

const isInside = (name: string): boolean =>
  name.length < 256 && name.split('/').every((part) => /^[\w.@-]+$/.test(part) && !/^\.+$/.test(part));

export const digestOf = (archive: Uint8Array): string => createHash('sha256').update(archive).digest('hex');

export const isDigest = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
