/** How to sign in where an image comes from: the pod's `imagePullSecrets`, in both of Docker's file formats. Pure, but for fetching. */
import type { Pod, Secret } from '../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../object-source.ts';
import type { RegistryCredentials } from '../runtime.ts';

/** What fits the image, in order of the pod's secrets; those that do not exist or do not parse are passed over, as upstream's. */
export async function pullCredentials(
  pod: Pod,
  image: string,
  source: ObjectSource,
): Promise<readonly RegistryCredentials[]> {
  const namespace = pod.metadata?.namespace ?? '';
  const found: RegistryCredentials[] = [];
  for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
    const secret = await source.secret({ namespace, name });
    if (secret !== undefined) found.push(...credentialsFor(image, secret));
  }
  return found;
}

interface AuthEntry {
  readonly username?: string;
  readonly password?: string;
  /** Base64 of `username:password`. */
  readonly auth?: string;
}

export function credentialsFor(image: string, { data = {} }: Secret): readonly RegistryCredentials[] {
  const modern = parsed(data['.dockerconfigjson']) as { readonly auths?: Readonly<Record<string, AuthEntry>> };
  const legacy = parsed(data['.dockercfg']) as Readonly<Record<string, AuthEntry>>;
  const entries = Object.entries(modern.auths ?? legacy);
  return entries.filter(([registry]) => matches(registry, image)).flatMap(([, entry]) => decoded(entry));
}

function parsed(encoded: string | undefined): object {
  try {
    return JSON.parse(Buffer.from(encoded ?? 'e30=', 'base64').toString()) as object;
  } catch {
    return {};
  }
}

function decoded({ username, password, auth }: AuthEntry): readonly RegistryCredentials[] {
  if (username !== undefined && password !== undefined) return [{ username, password }];
  if (auth === undefined) return [];
  const text = Buffer.from(auth, 'base64').toString();
  const colon = text.indexOf(':');
  return colon < 0 ? [] : [{ username: text.slice(0, colon), password: text.slice(colon + 1) }];
}

const dockerHub = /^(index\.|registry-1\.)?docker\.io$/;

/** A registry's host, with the beginning of a path where the entry names one. */
function matches(registry: string, image: string): boolean {
  const [host = '', ...path] = registry.replace(/^https?:\/\//, '').split('/');
  const wantedPath = path.filter((part) => part !== '' && part !== 'v1' && part !== 'v2').join('/');
  const { host: imageHost, path: imagePath } = splitImage(image);
  const sameHost = dockerHub.test(host) ? dockerHub.test(imageHost) : hostPattern(host).test(imageHost);
  return sameHost && (wantedPath === '' || imagePath === wantedPath || imagePath.startsWith(`${wantedPath}/`));
}

/** `*` stands for one label of the name. */
function hostPattern(host: string): RegExp {
  const parts = host.split('*').map((part) => part.replace(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^.]*')}$`);
}

function splitImage(image: string): { readonly host: string; readonly path: string } {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? { host: first, path: rest.join('/') } : { host: 'docker.io', path: image };
}
