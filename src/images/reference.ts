/**
 * Image references: `[registry/]repository[:tag][@digest]`, by the grammar of the `distribution/reference` module that
 * Docker, containerd and kubelet share. Pure; it knows no registry.
 */

export interface ImageReference {
  /** Host, with port where given: `docker.io` unless the text names one. */
  readonly registry: string;
  /** Path below the registry; Docker Hub's official images live under `library/`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
  /** All parts spelt out; with the tag `latest` where neither tag nor digest was given. */
  readonly canonical: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const hostLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const host = `(?:${hostLabel}(?:\\.${hostLabel})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const tag = '[\\w][\\w.-]{0,127}';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';

const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const hostPattern = new RegExp(`^${host}$`);
const suffixPattern = new RegExp(`^(.*?)(?::(${tag}))?(?:@(${digest}))?$`, 's');

/** How many hex digits a digest of this algorithm has. Others are taken as they come. */
const digestLength: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

const nameLengthMax = 255;

export class InvalidReference extends Error {
  override name = 'InvalidReference';
}

/** @throws InvalidReference with what is wrong, in a sentence that ends in the text itself */
export function parseReference(text: string): ImageReference {
  if (/^[0-9a-f]{64}$/.test(text)) refuse(text, 'it is an image id, not a name');
  const [, name = '', tag, digest] = suffixPattern.exec(text) ?? [];
  const { registry, repository } = splitName(name);
  check(text, name, registry, repository);
  if (digest !== undefined) checkDigest(text, digest);
  const suffix = `${tag === undefined && digest === undefined ? ':latest' : ''}${tag === undefined ? '' : `:${tag}`}`;
  return {
    registry,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
    canonical: `${registry}/${repository}${suffix}${digest === undefined ? '' : `@${digest}`}`,
  };
}

/** `docker.io/library/nginx:latest` for `nginx`. @throws InvalidReference */
export function normalizeImageName(text: string): string {
  return parseReference(text).canonical;
}

/**
 * The part before the first slash is a registry when it cannot be a path of Docker Hub: it has a dot, a port or a capital
 * letter, or it is `localhost`.
 */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf('/');
  const first = slash < 0 ? '' : name.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  if (!isRegistry) return { registry: 'docker.io', repository: slash < 0 && name !== '' ? `library/${name}` : name };
  const repository = name.slice(slash + 1);
  if (first !== 'docker.io' && first !== 'index.docker.io') return { registry: first, repository };
  return { registry: 'docker.io', repository: repository.includes('/') ? repository : `library/${repository}` };
}

function check(text: string, name: string, registry: string, repository: string): void {
  if (name === '') refuse(text, 'it names no repository');
  if (!hostPattern.test(registry)) refuse(text, `"${registry}" is not a registry's host name`);
  if (pathPattern.test(repository)) {
    if (name.length > nameLengthMax) refuse(text, `the name has more than ${nameLengthMax} characters`);
    return;
  }
  if (pathPattern.test(repository.toLowerCase())) refuse(text, 'repository name must be lowercase');
  refuse(text, 'invalid reference format');
}

function checkDigest(text: string, digest: string): void {
  const [algorithm = '', hex = ''] = digest.split(':');
  const length = digestLength[algorithm];
  if (length === undefined) return;
  if (hex.length !== length || hex !== hex.toLowerCase())
    refuse(text, `a ${algorithm} digest has ${length} digits 0-9 a-f`);
}

function refuse(text: string, problem: string): never {
  throw new InvalidReference(`${problem}: ${JSON.stringify(text)}`);
}
