/**
 * Annotations `auth-url` and what belongs to it: requests are shown to another server first, as oauth2-proxy and its kin expect. Pure.
 *
 * Kept true: where it cannot be said who is to be asked, nobody comes in.
 */
import { isOwnMachine } from '../own-machine.ts';
import type { Backend, Filter, Server } from '../plan.ts';
import type { ReadIngress, Work } from './reading.ts';
import type { Parse } from './values.ts';

/** Of nginx. */
const variables: ReadonlySet<string> = new Set([
  'scheme',
  'host',
  'http_host',
  'request_uri',
  'escaped_request_uri',
  'request_method',
]);

const isOwnHost = (host: string): boolean => host === '$host' || host === '$http_host';

/** @throws Error where it holds others */
function withVariables(text: string): string {
  const plain = text.replaceAll('$pass_access_scheme', '$scheme');
  for (const [whole, name = ''] of plain.matchAll(/\$(\w*)/g)) {
    if (!variables.has(name))
      throw new Error(`may not have ${whole}: of nginx's variables there are $${[...variables].join(', $')}`);
  }
  return plain;
}

export interface AuthUrl {
  readonly isTls: boolean;
  /** Absent: the request's own host. */
  readonly at?: { readonly host: string; readonly port: number };
  readonly path: string;
}

export const authUrl: Parse<AuthUrl> = (text) => {
  const [, scheme, authority = '', rest = ''] =
    /^(https?|\$scheme):\/\/([^\s/?#"'\\]+)([/?][^\s#"'\\]*)?$/.exec(withVariables(text)) ?? [];
  if (scheme === undefined) throw new Error('must be an http or https URL');
  const path = rest.startsWith('/') ? rest : `/${rest}`;
  const isTls = scheme === 'https';
  if (isOwnHost(authority)) return { isTls, path };
  const url = URL.canParse(`http://${authority}`) ? new URL(`http://${authority}`) : undefined;
  if (
    scheme === '$scheme' ||
    authority.includes('$') ||
    url === undefined ||
    url.username !== '' ||
    url.password !== ''
  )
    throw new Error('must name a host, or be at $host');
  const given = /:(\d+)$/.exec(authority)?.[1];
  return { isTls, at: { host: url.hostname, port: Number(given ?? (isTls ? 443 : 80)) }, path };
};

export const signIn: Parse<string> = (text) => {
  const location = withVariables(text);
  if (!/^(?:(?:https?|\$scheme):\/\/|\/)[^\s"'`<>\\{}]+$/.test(location)) throw new Error('must be a URL, or a path');
  return location;
};

/** Undefined: nobody can be asked. */
export function externalAuth(work: Work, read: ReadIngress): readonly Filter[] | undefined {
  const { values } = read;
  const url = values['auth-url'];
  if (url === undefined) return [];
  const asked = url.at === undefined ? {} : backendAt(work, read, url.isTls, url.at);
  if (asked === undefined) return undefined;
  const location = values['auth-signin'];
  const method = values['auth-method'];
  return [
    {
      kind: 'externalAuth',
      ...asked,
      path: url.path,
      ...(method && { method }),
      responseHeaders: values['auth-response-headers'] ?? [],
      ...(location !== undefined && { signIn: withReturn(location, values['auth-signin-redirect-param'] || 'rd') }),
    },
  ];
}

/** Who has signed in is to come back to where he was: ingress-nginx adds it where the URL does not say so itself. */
function withReturn(location: string, parameter: string): string {
  const query = location.includes('?') ? location.slice(location.indexOf('?') + 1) : undefined;
  if (query?.split('&').some((part) => part.startsWith(`${parameter}=`))) return location;
  const back = `${parameter}=$scheme://$http_host$escaped_request_uri`;
  return query === undefined ? `${location}?${back}` : `${location}${query === '' ? '' : '&'}${back}`;
}

function backendAt(
  work: Work,
  { source }: ReadIngress,
  isTls: boolean,
  { host, port }: { readonly host: string; readonly port: number },
): { readonly backend: string; readonly host: string } | undefined {
  const address = host.replace(/^\[|\]$/g, '');
  const close = (why: string): undefined => {
    work.tell(source, 'BadAnnotation', `auth-url: ${why}; its paths answer 503 until this is right`);
  };
  if (isOwnMachine(address)) return close(`${address} is the gateway's own machine, and nobody is asked there`);
  const servers = serversAt(work, address, port);
  if (typeof servers === 'string') return close(servers);
  const scheme = isTls ? 'https' : 'http';
  const backend = `ingress/auth/${scheme}://${host}:${port}`;
  const tls = isTls && { tls: /[a-z]/.test(address) && !address.includes(':') ? { serverName: address } : {} };
  const made: Backend = { id: backend, source, protocol: scheme, servers, ...tls };
  work.backends.set(backend, made);
  return { backend, host: port === (isTls ? 443 : 80) ? host : `${host}:${port}` };
}

/** Of a Service of the cluster its own; other names are asked for in the machine's DNS. What is wrong, in words. */
function serversAt(work: Work, host: string, port: number): readonly Server[] | string {
  const [, name, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\..+)?$/.exec(host) ?? [];
  if (name === undefined || namespace === undefined) return [{ address: host, port, isDraining: false }];
  const reference = { namespace, name };
  const service = work.sources.services.find(reference);
  if (service === undefined) return `there is no Service ${name} in ${namespace}`;
  const { type, externalName = '' } = service.spec ?? {};
  if (type === 'ExternalName') {
    if (externalName === '' || isOwnMachine(externalName))
      return `Service ${name} leads to ${externalName || 'nowhere'}`;
    return [{ address: externalName, port, isDraining: false }];
  }
  const found = service.spec?.ports?.find((one) => one.port === port);
  if (found === undefined) return `Service ${name} of ${namespace} has no port ${port}`;
  return work.sources.services.servers(reference, found.name ?? '');
}
