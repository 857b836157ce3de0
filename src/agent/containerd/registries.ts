/**
 * `registries.yaml` in the home folder: from where images really come. Pure: the file's text to containerd's `certs.d` and to credentials.
 *
 * ```yaml
 * registries:
 *   docker.io:
 *     mirrors:                          # asked first, in order
 *       - https://mirror.example.com
 *       - {url: https://10.0.0.5:5000/proxy, caFile: /etc/ssl/mirror.crt}
 *     mirrorsOnly: true                 # and never the registry itself
 *   10.0.0.5:5000:
 *     plainHttp: true
 *   registry.example.com:
 *     caFile: /etc/ssl/example.crt      # or skipVerify: true
 *     username: robot                   # for every pod of this node
 *     password: secret
 *   '*':                                # all that are not named here
 *     mirrors: [http://10.0.0.6:5000]
 * ```
 */
import { isAbsolute } from 'node:path';
import { parseYaml } from '../../api/yaml.ts';

export interface RegistryHost {
  readonly url: string;
  readonly caFile?: string;
  readonly skipVerify?: true;
}

export interface Registry {
  /** `*`: every other. */
  readonly name: string;
  /** What is asked where no mirror has the image; absent: as containerd would by itself. */
  readonly server?: RegistryHost;
  readonly mirrors: readonly RegistryHost[];
  readonly credentials?: { readonly username: string; readonly password: string };
}

const registriesMax = 200;
const mirrorsMax = 20;

/** @throws Error that names the place in the file, what is wrong there, and what would be right */
export function parseRegistries(text: string): readonly Registry[] {
  const { value } = parseYaml(text);
  if (value === null || value === undefined) return [];
  const { registries = {} } = fields(value, 'the file', ['registries']);
  const entries = Object.entries(record(registries, 'registries'));
  if (entries.length > registriesMax) throw wrong('registries', `holds more than ${registriesMax} entries`);
  return entries.map(([name, entry]) => readRegistry(name, entry));
}

const registryFields = ['mirrors', 'mirrorsOnly', 'plainHttp', 'caFile', 'skipVerify', 'username', 'password'] as const;

function readRegistry(name: string, entry: unknown): Registry {
  const at = `registries.${name}`;
  if (name !== '*' && !isHost(name))
    throw wrong(at, "is not a registry's host name, such as registry.example.com:5000");
  const given = fields(entry, at, registryFields);
  const mirrors = list(given['mirrors'], `${at}.mirrors`).map((mirror, index) =>
    readMirror(mirror, `${at}.mirrors[${index}]`),
  );
  const mirrorsOnly = flag(given['mirrorsOnly'], `${at}.mirrorsOnly`);
  const plainHttp = flag(given['plainHttp'], `${at}.plainHttp`);
  const trust = readTrust(given, at);
  if (mirrorsOnly && mirrors.length === 0) throw wrong(at, 'has mirrorsOnly, but no mirrors');
  if (plainHttp && Object.keys(trust).length > 0)
    throw wrong(at, 'has plainHttp, where caFile and skipVerify mean nothing');
  const credentials = readCredentials(given, at);
  if (name === '*' && (plainHttp || Object.keys(trust).length > 0 || credentials !== undefined)) {
    throw wrong(at, 'stands for every other registry: only mirrors and mirrorsOnly can be said of all');
  }
  const server = mirrorsOnly ? mirrors[0] : serverOf(name, plainHttp, trust);
  return { name, mirrors, ...(server !== undefined && { server }), ...(credentials !== undefined && { credentials }) };
}

/** Docker Hub's registry has another name than its images. */
function serverOf(name: string, plainHttp: boolean, trust: Omit<RegistryHost, 'url'>): RegistryHost | undefined {
  if (name === '*') return undefined;
  const host = name === 'docker.io' ? 'registry-1.docker.io' : name;
  return { url: `${plainHttp ? 'http' : 'https'}://${host}`, ...trust };
}

function readMirror(value: unknown, at: string): RegistryHost {
  const given = typeof value === 'string' ? { url: value } : fields(value, at, ['url', 'caFile', 'skipVerify']);
  const address = text(given['url'], `${at}.url`);
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') {
    throw wrong(at, `must be an address such as https://mirror.example.com, and is ${JSON.stringify(address)}`);
  }
  const trust = readTrust(given, at);
  if (url.protocol === 'http:' && Object.keys(trust).length > 0) {
    throw wrong(at, 'is plain HTTP, where caFile and skipVerify mean nothing');
  }
  return { url: address.replace(/\/+$/, ''), ...trust };
}

function readTrust(given: Readonly<Record<string, unknown>>, at: string): Omit<RegistryHost, 'url'> {
  const skipVerify = flag(given['skipVerify'], `${at}.skipVerify`);
  if (given['caFile'] === undefined) return skipVerify ? { skipVerify: true } : {};
  const caFile = text(given['caFile'], `${at}.caFile`);
  if (!isAbsolute(caFile)) throw wrong(`${at}.caFile`, 'must be an absolute path');
  if (skipVerify) throw wrong(at, 'has both caFile and skipVerify: name one of them');
  return { caFile };
}

function readCredentials(given: Readonly<Record<string, unknown>>, at: string): Registry['credentials'] {
  const { username, password } = given;
  if (username === undefined && password === undefined) return undefined;
  return { username: text(username, `${at}.username`), password: text(password, `${at}.password`) };
}

/** The content of `certs.d/HOST/hosts.toml`. containerd reads it anew at each pull. */
export function hostsToml({ server, mirrors }: Registry): string {
  const lines = [managedMark];
  if (server !== undefined) lines.push(`server = ${JSON.stringify(server.url)}`, ...hostLines(server, ''));
  for (const mirror of mirrors) lines.push('', `[host.${JSON.stringify(mirror.url)}]`, ...hostLines(mirror, '  '));
  return `${lines.join('\n')}\n`;
}

/** The first line of files that naru makes; others in the folder are left alone. */
export const managedMark = '# Made by naru from registries.yaml; changes here are lost.';

function hostLines({ caFile, skipVerify }: RegistryHost, indent: string): string[] {
  return [
    `${indent}capabilities = ["pull", "resolve"]`,
    ...(caFile === undefined ? [] : [`${indent}ca = ${JSON.stringify(caFile)}`]),
    ...(skipVerify ? [`${indent}skip_verify = true`] : []),
  ];
}

/** The folder in `certs.d`. */
export function hostsFolder({ name }: Registry): string {
  return name === '*' ? '_default' : name;
}

/** In Docker's format, for the agent's own credentials. */
export function dockerConfig(registries: readonly Registry[]): string {
  const rows = registries.flatMap(({ name, credentials }) => (credentials === undefined ? [] : [[name, credentials]]));
  return `${JSON.stringify({ auths: Object.fromEntries(rows) as Record<string, unknown> }, null, 2)}\n`;
}

function isHost(name: string): boolean {
  return (
    /^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]{1,5})?$/.test(name) ||
    /^\[[0-9a-fA-F:]+\](:[0-9]{1,5})?$/.test(name)
  );
}

function wrong(at: string, problem: string): Error {
  return new Error(`${at} ${problem}`);
}

function record(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw wrong(at, 'must be a map');
}

/** A field that nobody knows is a slip of the pen, not a wish. */
function fields(value: unknown, at: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  const given = record(value ?? {}, at);
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw wrong(at, `has no field ${JSON.stringify(name)}; it takes ${known.join(', ')}`);
  }
  return given;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw wrong(at, 'must be a list');
  if (value.length > mirrorsMax) throw wrong(at, `holds more than ${mirrorsMax} entries`);
  return value;
}

function flag(value: unknown, at: string): boolean {
  if (value === undefined) return false;
  if (typeof value !== 'boolean') throw wrong(at, 'must be true or false');
  return value;
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '')
    throw wrong(at, 'must be text (in quotes where it looks like a number)');
  return value;
}
