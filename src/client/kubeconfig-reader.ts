/**
 * Reading kubeconfig files: the current context's cluster and credentials. Apart from `kubeconfig.ts`, which writes them, because every command
 * reads one: the YAML library is loaded only for a file that needs it.
 *
 * Read are inline data, files (relative to the kubeconfig's folder) and bearer tokens. Not read are `exec` and auth-provider
 * plugins, client proxies and merged lists of files: naru's own parts need none of them.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parsePlainYaml } from '../api/yaml-plain.ts';

/** Where a cluster is and who asks. Certificates and keys are PEM texts. */
export interface ClientConfig {
  /** `https://host:port`. */
  readonly server: string;
  /** Absent: the system's certificate authorities. */
  readonly ca?: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
  /** Read again when it may have changed: tokens of service accounts rotate. */
  readonly tokenFile?: string;
  /** The name that the server's certificate must bear, where that is not the host's. */
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** The context's namespace; `default` where it names none. */
  readonly namespace: string;
}

export interface NamedEntries {
  readonly [list: string]: readonly { readonly name: string; readonly [entry: string]: unknown }[];
}

export type Fields = Readonly<Record<string, unknown>>;

/** Reads a kubeconfig file. @throws Error naming the file and what is wrong with it */
export async function readKubeconfig(file: string, context?: string): Promise<ClientConfig> {
  const text = await readFile(file, 'utf8');
  try {
    return await parseKubeconfig(text, { folder: dirname(resolve(file)), ...(context !== undefined && { context }) });
  } catch (error) {
    throw new Error(`kubeconfig ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** `folder` is where relative paths start; `context` replaces `current-context`. */
export async function parseKubeconfig(
  text: string,
  { folder, context: wanted }: { readonly folder: string; readonly context?: string },
): Promise<ClientConfig> {
  const config = await configOf(text);
  const contextName = wanted ?? stringOf(config, 'current-context');
  if (contextName === undefined) throw new Error('no current-context is set');
  const context = entry(config, 'contexts', 'context', contextName);
  const cluster = entry(config, 'clusters', 'cluster', stringOf(context, 'cluster') ?? '');
  const userName = stringOf(context, 'user');
  const user = userName === undefined ? {} : entry(config, 'users', 'user', userName);
  const server = stringOf(cluster, 'server');
  if (server === undefined) throw new Error(`cluster of context "${contextName}" has no server`);
  const tokenFile = stringOf(user, 'tokenFile');
  refusePlugins(user, userName ?? '');
  return defined({
    server,
    ca: await material(cluster, 'certificate-authority', folder),
    clientCertificate: await material(user, 'client-certificate', folder),
    clientKey: await material(user, 'client-key', folder),
    token: stringOf(user, 'token'),
    tokenFile: tokenFile === undefined ? undefined : resolve(folder, tokenFile),
    tlsServerName: stringOf(cluster, 'tls-server-name'),
    insecureSkipTlsVerify: cluster['insecure-skip-tls-verify'] === true ? true : undefined,
    namespace: stringOf(context, 'namespace') ?? 'default',
  });
}

/** Whoever has nothing else to show would be a stranger to the server, and wonder why. */
function refusePlugins(user: Fields, name: string): void {
  const plugin = pluginFields.find((field) => user[field] !== undefined);
  if (plugin === undefined || shownFields.some((field) => user[field] !== undefined)) return;
  throw new Error(`user "${name}" signs in by ${plugin}, which is not read here; use a client certificate or a token`);
}

const pluginFields = ['exec', 'auth-provider', 'username'];
const shownFields = ['client-certificate', 'client-certificate-data', 'token', 'tokenFile'];

async function configOf(text: string): Promise<Fields> {
  const plain = parsePlainYaml(text) ?? (await import('../api/yaml.ts')).parseYaml(text);
  const value = plain.value as unknown;
  if (typeof value === 'object' && value !== null && 'clusters' in value) return value;
  throw new Error('it is no kubeconfig: it names no clusters');
}

export function entry(config: Fields, list: string, field: string, name: string): Fields {
  const entries = (config as unknown as NamedEntries)[list];
  const found = Array.isArray(entries) ? entries.find((candidate) => candidate.name === name) : undefined;
  if (found === undefined) {
    const names = Array.isArray(entries) ? entries.map((candidate) => candidate.name).join(', ') : '';
    throw new Error(`${list} has no entry named "${name}"${names === '' ? '' : `; it has ${names}`}`);
  }
  return (found[field] ?? {}) as Fields;
}

/** The inline `…-data` field wins over the file, as upstream's. */
async function material(fields: Fields, name: string, folder: string): Promise<string | undefined> {
  const inline = stringOf(fields, `${name}-data`);
  if (inline !== undefined) return Buffer.from(inline, 'base64').toString();
  const file = stringOf(fields, name);
  return file === undefined ? undefined : readFile(resolve(folder, file), 'utf8');
}

export function stringOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

export function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
