/**
 * Which credentials fit an image: out of Docker's two file formats, for the registry that an image names. Pure.
 *
 * An entry names a registry's host (`*` stands for one label of it), and maybe the beginning of a path. All that fit are tried, the most
 * particular first: `quay.io/team` before `quay.io`.
 */
import type { Secret } from '../../api/schema/types/core-v1.ts';
import type { RegistryCredentials } from '../runtime.ts';

interface AuthEntry {
  readonly username?: string;
  readonly password?: string;
  /** Base64 of `username:password`. */
  readonly auth?: string;
}

/** What one registry, or a part of it, takes. */
export interface KeyringEntry {
  readonly registry: string;
  readonly credentials: RegistryCredentials;
}

/** Of a pull secret; none where its type is another, or its content does not parse. */
export function secretEntries({ data = {}, type }: Secret): readonly KeyringEntry[] {
  if (type === 'kubernetes.io/dockerconfigjson') return dockerConfigEntries(decode(data['.dockerconfigjson']));
  if (type === 'kubernetes.io/dockercfg') return entriesOf(parsed(decode(data['.dockercfg'])));
  return [];
}

/** Of a file such as `~/.docker/config.json`. What does not parse gives nothing. */
export function dockerConfigEntries(text: string): readonly KeyringEntry[] {
  return entriesOf(parsed(text)['auths']);
}

/** Those whose registry has the image, in the order in which they are tried. */
export function fittingEntries<T extends KeyringEntry>(entries: readonly T[], image: string): readonly T[] {
  const fitting = entries.filter(({ registry }) => matches(registry, image));
  return fitting.toSorted((a, b) => compare(withoutScheme(b.registry), withoutScheme(a.registry)));
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function decode(encoded = ''): string {
  return Buffer.from(encoded, 'base64').toString();
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entriesOf(auths: unknown): readonly KeyringEntry[] {
  if (!isRecord(auths)) return [];
  return Object.entries(auths).flatMap(([registry, entry]) => {
    const credentials = isRecord(entry) ? credentialsOf(entry) : undefined;
    return credentials === undefined ? [] : [{ registry, credentials }];
  });
}

/** Both forms may stand there; `auth` wins, as upstream. */
function credentialsOf({ username, password, auth }: AuthEntry): RegistryCredentials | undefined {
  if (typeof auth === 'string' && auth !== '') {
    const text = decode(auth);
    const colon = text.indexOf(':');
    if (colon >= 0) return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
  }
  return typeof username === 'string' && typeof password === 'string' ? { username, password } : undefined;
}

const dockerHub = /^(index\.|registry-1\.)?docker\.io$/;

function withoutScheme(registry: string): string {
  return registry.replace(/^https?:\/\//, '');
}

function matches(registry: string, image: string): boolean {
  const [host = '', ...path] = withoutScheme(registry).split('/');
  const wantedPath = path.filter((part) => part !== '' && part !== 'v1' && part !== 'v2').join('/');
  const { host: imageHost, path: imagePath } = splitImage(image);
  const sameHost = dockerHub.test(host) ? dockerHub.test(imageHost) : hostMatches(host, imageHost);
  return sameHost && (wantedPath === '' || imagePath === wantedPath || imagePath.startsWith(`${wantedPath}/`));
}

/** The port is part of the last label, and must be the same. */
function hostMatches(pattern: string, host: string): boolean {
  const [wanted, labels] = [pattern.split('.'), host.split('.')];
  return wanted.length === labels.length && wanted.every((part, index) => labelMatches(part, labels[index] ?? ''));
}

/** `*` stands for any characters of one label. By hand: a regular expression made from it could take for ever. */
function labelMatches(pattern: string, label: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === label;
  if (!label.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = label.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return label.length - last.length >= at && label.endsWith(last);
}

/** The tag and the digest are no part of the path. */
function splitImage(image: string): { readonly host: string; readonly path: string } {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = (isHost ? rest.join('/') : image).replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return isHost ? { host: first, path } : { host: 'docker.io', path };
}
