/**
 * URLs and paths on their way through the proxy, as upstream changes them. Pure.
 *
 * A program behind the proxy believes that it stands at `/`: links of its answers to its own absolute paths get the proxy's prefix.
 */
import path from 'node:path';

export interface PageLocation {
  /** The proxy's own path: `/api/v1/namespaces/default/pods/web/proxy`. */
  readonly prefix: string;
  /** By which of its own names the program may call itself: its address, and what the client wrote as `Host`. */
  readonly hosts: readonly string[];
  /** What the client wrote as `Host`. */
  readonly requestHost: string;
}

const urlForm = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(.*)$/s;

/** As it is, where it leads to another host or is relative. */
export function rewriteUrl(url: string, { prefix, hosts, requestHost }: PageLocation): string {
  const [, scheme, host, pathname = '', tail = ''] = urlForm.exec(url) ?? [];
  const isElsewhere = (host !== undefined && host !== '' && !hosts.includes(host)) || (scheme !== undefined && !host);
  if (isElsewhere || !pathname.startsWith('/')) return url;
  const origin = host && host === requestHost ? `${scheme === undefined ? '' : `${scheme}:`}//${host}` : '';
  if (pathname.startsWith(prefix)) return `${origin}${pathname}${tail}`;
  return `${origin}${joinPath(prefix, pathname)}${tail}`;
}

/** `a/../b` and `a//b` made plain; a slash at the end stays. */
export function joinPath(prefix: string, pathname: string): string {
  const joined = path.posix.normalize(`${prefix}/${pathname}`);
  const bare = joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
  return pathname.endsWith('/') && bare !== '/' ? `${bare}/` : bare;
}

/**
 * What follows `…/proxy` in a URL's path, decoded, made plain and encoded anew; empty where nothing does. It never leads above the
 * program's own root. `depth` is the number of segments before it.
 */
export function restOfPath(pathText: string, depth: number): string {
  const segments = pathText.split('/').slice(depth + 1);
  if (segments.length === 0) return '';
  return escapePath(joinPath('/', decodeURIComponent(segments.join('/'))));
}

/** As Go escapes a path. */
export function escapePath(pathname: string): string {
  return encodeURIComponent(pathname)
    .replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, decodeURIComponent)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
