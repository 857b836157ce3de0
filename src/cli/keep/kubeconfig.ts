/**
 * `naru kubeconfig`: hands the administrator's kubeconfig to a shell, to another machine, or into the file that kubectl reads.
 *
 * Kept true: in somebody's own file, only entries of this cluster (told by its authority) are replaced or removed; the file is replaced in one
 * step, and stays as it is where it is no kubeconfig.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parseYaml, stringifyYaml } from '../../api/yaml.ts';
import type { Home } from '../../home.ts';
import { replacePrivateFile } from '../../lib/private-file.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

export interface KubeconfigOptions {
  readonly path?: boolean;
  readonly merge?: boolean;
  readonly name?: string;
  readonly server?: string;
}

type Fields = Readonly<Record<string, unknown>>;
interface Named extends Fields {
  readonly name: string;
}

interface Config extends Fields {
  readonly clusters: readonly Named[];
  readonly contexts: readonly Named[];
  readonly users: readonly Named[];
  readonly 'current-context': string;
}

const usualName = 'naru';

export async function kubeconfig(home: Home, options: KubeconfigOptions): Promise<void> {
  if (!existsSync(home.kubeconfig)) {
    throw new UserError(`there is no cluster in ${home.root}; start one with: naru up`);
  }
  if (options.path) {
    if (options.merge || options.name || options.server)
      throw new UsageError('--path prints the path of the file as it is: no other option goes with it');
    process.stdout.write(`${home.kubeconfig}\n`);
    return;
  }
  if (!options.merge && options.name === undefined && options.server === undefined) {
    process.stdout.write(readFileSync(home.kubeconfig, 'utf8'));
    return;
  }
  if (options.name?.trim() === '')
    throw new UsageError('--name takes what the cluster is to be called, and got nothing');
  const own = adapted(readConfig(home.kubeconfig), options);
  if (!options.merge) {
    process.stdout.write(stringifyYaml(own));
    return;
  }
  const file = usersFile();
  if (file === realpathSync(home.kubeconfig))
    throw new UserError(
      `KUBECONFIG names this cluster's own file; to add it to yours: KUBECONFIG= naru kubeconfig --merge`,
    );
  const merged = mergedInto(existsSync(file) ? readConfig(file) : emptyConfig, own, file);
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  replacePrivateFile(file, stringifyYaml(merged));
  console.log(`Added to ${file}; its current context is ${merged['current-context']}.`);
}

/** The one that kubectl writes to; behind a link, what it points to. */
function usersFile(): string {
  const named = process.env['KUBECONFIG']?.split(':').find((file) => file !== '');
  const file = path.resolve(named ?? path.join(os.homedir(), '.kube', 'config'));
  return existsSync(file) ? realpathSync(file) : file;
}

const emptyConfig: Config = {
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [],
  contexts: [],
  users: [],
  'current-context': '',
};

function readConfig(file: string): Config {
  let value: unknown;
  try {
    ({ value } = parseYaml(readFileSync(file)));
  } catch (error) {
    throw new UserError(`the kubeconfig ${file} cannot be read (${(error as Error).message}); mend it first`);
  }
  if (value === null || value === undefined) return emptyConfig;
  const config = value as Partial<Config>;
  const lists = [config.clusters ?? [], config.contexts ?? [], config.users ?? []];
  if (typeof value !== 'object' || !lists.every(Array.isArray))
    throw new UserError(`${file} is no kubeconfig; name another file with KUBECONFIG=FILE`);
  const [clusters = [], contexts = [], users = []] = lists;
  return { ...emptyConfig, ...config, clusters, contexts, users };
}

/** Under one name for all three, and with the address by which another machine finds the API. */
function adapted(config: Config, { name = usualName, server }: KubeconfigOptions): Config {
  const [cluster, user] = [config.clusters[0], config.users[0]];
  if (cluster === undefined || user === undefined)
    throw new UserError('the cluster’s kubeconfig names no cluster; naru up makes it anew');
  const before = cluster['cluster'] as Fields;
  const address = server === undefined ? {} : { server: addressOf(server, String(before['server'])) };
  return {
    ...emptyConfig,
    clusters: [{ name, cluster: { ...before, ...address } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    users: [{ ...user, name }],
    'current-context': name,
  };
}

/** The port is the cluster's own where none is named. */
function addressOf(text: string, own: string): string {
  const isBareIpv6 = !text.includes('://') && !text.includes('[') && text.split(':').length > 2;
  const full = text.includes('://') ? text : `https://${isBareIpv6 ? `[${text}]` : text}`;
  let url: URL;
  try {
    url = new URL(full);
  } catch {
    throw new UsageError(`--server ${text} is neither a host, nor host:port, nor a URL`);
  }
  if (url.protocol !== 'https:') throw new UsageError(`--server ${text}: the API speaks https only`);
  const hasPort = /:\d+$/.test(full.replace(/\/+$/, ''));
  return `https://${url.hostname}:${hasPort ? url.port || '443' : new URL(own).port}`;
}

const authorityOf = (cluster: Named): unknown =>
  (cluster['cluster'] as Fields | undefined)?.['certificate-authority-data'];

function mergedInto(config: Config, own: Config, file: string): Config {
  const name = own['current-context'];
  const authority = own.clusters[0] && authorityOf(own.clusters[0]);
  const standing = config.clusters.find((one) => one.name === name);
  if (standing !== undefined && authorityOf(standing) !== authority) {
    throw new UserError(`${file} has another cluster called "${name}"; give this one a name of its own: --name NAME`);
  }
  const foreign = foreignEntry(config, name, standing !== undefined);
  if (foreign !== undefined) {
    throw new UserError(
      `${file} has another cluster's ${foreign} called "${name}"; give this one a name of its own: --name NAME`,
    );
  }
  const with_ = (list: readonly Named[], added: readonly Named[]): readonly Named[] => [
    ...list.filter((one) => one.name !== name),
    ...added,
  ];
  return {
    ...config,
    clusters: with_(config.clusters, own.clusters),
    contexts: with_(config.contexts, own.contexts),
    users: with_(config.users, own.users),
    'current-context': name,
  };
}

/** What bears this name and belongs to another cluster: replaced, that one could not be reached any more. */
function foreignEntry({ contexts, users }: Config, name: string, isHere: boolean): 'context' | 'user' | undefined {
  const part = ({ context }: Named, of: 'cluster' | 'user'): unknown => (context as Fields | undefined)?.[of];
  const isOther = (context: Named): boolean => !isHere || part(context, 'cluster') !== name;
  if (contexts.some((one) => one.name === name && isOther(one))) return 'context';
  const isUsed = contexts.some((one) => part(one, 'user') === name && isOther(one));
  // Somebody's credentials stay even where no context names them.
  return isUsed || (!isHere && users.some((one) => one.name === name)) ? 'user' : undefined;
}

/** Takes this cluster out of the user's file. The file, where it was in it. */
export async function unmerge(home: Home): Promise<string | undefined> {
  const file = usersFile();
  const isOwn = existsSync(home.kubeconfig) && existsSync(file) && file !== realpathSync(home.kubeconfig);
  if (!isOwn) return undefined;
  const own = readConfig(home.kubeconfig).clusters[0];
  const config = readConfig(file);
  const names = new Set(
    config.clusters.filter((one) => own && authorityOf(one) === authorityOf(own)).map(({ name }) => name),
  );
  if (names.size === 0) return undefined;
  const gone = config.contexts.filter(({ context }) => names.has(String((context as Fields | undefined)?.['cluster'])));
  const stays = config.contexts.filter((one) => !gone.includes(one));
  const userOf = ({ context }: Named): string => String((context as Fields | undefined)?.['user']);
  const used = new Set(stays.map(userOf));
  const users = new Set(gone.map(userOf).filter((name) => !used.has(name)));
  const isCurrent = gone.some(({ name }) => name === config['current-context']);
  const left = {
    ...config,
    clusters: config.clusters.filter(({ name }) => !names.has(name)),
    contexts: stays,
    users: config.users.filter(({ name }) => !users.has(name)),
    'current-context': isCurrent ? (stays[0]?.name ?? '') : config['current-context'],
  };
  replacePrivateFile(file, stringifyYaml(left));
  return file;
}
