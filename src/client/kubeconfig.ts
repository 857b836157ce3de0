/**
 * Kubeconfig files: reading the current context's cluster and credentials, and making one for a cluster of ours.
 *
 * Read are inline data, files (relative to the kubeconfig's folder) and bearer tokens. Not read are `exec` and auth-provider
 * plugins, client proxies and merged lists of files: naru's own parts need none of them.
 */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseYaml, stringifyYaml } from '../api/yaml.ts';

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

interface NamedEntries {
  readonly [list: string]: readonly { readonly name: string; readonly [entry: string]: unknown }[];
}

type Fields = Readonly<Record<string, unknown>>;

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
  const config = parseYaml(Buffer.from(text)).value as unknown as Fields;
  const contextName = wanted ?? stringOf(config, 'current-context');
  if (contextName === undefined) throw new Error('no current-context is set');
  const context = entry(config, 'contexts', 'context', contextName);
  const cluster = entry(config, 'clusters', 'cluster', stringOf(context, 'cluster') ?? '');
  const userName = stringOf(context, 'user');
  const user = userName === undefined ? {} : entry(config, 'users', 'user', userName);
  const server = stringOf(cluster, 'server');
  if (server === undefined) throw new Error(`cluster of context "${contextName}" has no server`);
  const tokenFile = stringOf(user, 'tokenFile');
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

export interface KubeconfigOptions {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  /** PEM; with `clientKey`, unless `token` is given. */
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly token?: string;
  readonly user: string;
  readonly cluster: string;
  readonly namespace?: string;
}

/** The text of a kubeconfig with one cluster, one user and one context, everything inline. */
export function makeKubeconfig(options: KubeconfigOptions): string {
  const { server, ca, clientCert, clientKey, token, user, cluster, namespace } = options;
  const context = `${user}@${cluster}`;
  return stringifyYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    contexts: [{ name: context, context: defined({ cluster, user, namespace }) }],
    'current-context': context,
    users: [
      {
        name: user,
        user: defined({
          'client-certificate-data': clientCert && base64(clientCert),
          'client-key-data': clientKey && base64(clientKey),
          token,
        }),
      },
    ],
  });
}

/** The text with another client certificate (PEM, inline) for the user of its current context; all else stays. */
export function withClientCertificate(
  text: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): string {
  const config = parseYaml(Buffer.from(text)).value as unknown as Fields;
  const context = entry(config, 'contexts', 'context', stringOf(config, 'current-context') ?? '');
  const name = stringOf(context, 'user') ?? '';
  const {
    'client-certificate': _certificate,
    'client-key': _key,
    ...kept
  } = entry(config, 'users', 'user', name) as Record<string, unknown>;
  const user = { ...kept, 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  const users = (config as unknown as NamedEntries)['users'] ?? [];
  return stringifyYaml({ ...config, users: users.map((one) => (one.name === name ? { ...one, user } : one)) });
}

/** Writes a kubeconfig that only its owner can read. */
export async function writeKubeconfig(file: string, options: KubeconfigOptions): Promise<void> {
  await writeFile(file, makeKubeconfig(options), { mode: 0o600 });
  await chmod(file, 0o600);
}

function entry(config: Fields, list: string, field: string, name: string): Fields {
  const entries = (config as unknown as NamedEntries)[list];
  const found = Array.isArray(entries) ? entries.find((candidate) => candidate.name === name) : undefined;
  if (found === undefined) throw new Error(`${list} has no entry named "${name}"`);
  return (found[field] ?? {}) as Fields;
}

/** The inline `…-data` field wins over the file, as upstream's. */
async function material(fields: Fields, name: string, folder: string): Promise<string | undefined> {
  const inline = stringOf(fields, `${name}-data`);
  if (inline !== undefined) return Buffer.from(inline, 'base64').toString();
  const file = stringOf(fields, name);
  return file === undefined ? undefined : readFile(resolve(folder, file), 'utf8');
}

function stringOf(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

function defined<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}
