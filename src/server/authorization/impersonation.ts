/**
 * `kubectl --as`: one who may, acts as another. The headers are upstream's; each name in them is a permission of its own (verb
 * `impersonate` on users, groups, service accounts, …), so that nobody gains more than was granted.
 */

import type { IncomingHttpHeaders } from 'node:http';
import { forbiddenError } from '../../api/refusal.ts';
import { badRequest } from '../../api/status-error.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../../registry/request.ts';

interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

const extraPrefix = 'impersonate-extra-';

/** `user` itself where the headers ask for nobody else. @throws StatusError Forbidden, BadRequest */
export async function impersonate(
  user: UserInfo,
  headers: IncomingHttpHeaders,
  authorizer: Authorizer,
): Promise<UserInfo> {
  if (!asksForAnother(headers)) return user;
  const wanted = wantedIn(headers);
  if (wanted === undefined) return user;
  for (const attributes of permissions(user, wanted)) {
    const { allowed, reason } = await authorizer.decide(attributes);
    if (!allowed) throw forbiddenError(attributes, reason);
  }
  return userFrom(wanted);
}

/** Hardly ever: the question must cost next to nothing. */
function asksForAnother(headers: IncomingHttpHeaders): boolean {
  for (const header in headers) if (header.startsWith('impersonate-')) return true;
  return false;
}

function wantedIn(headers: IncomingHttpHeaders): Wanted | undefined {
  const name = single(headers['impersonate-user']);
  const uid = single(headers['impersonate-uid']);
  const groups = listOf(headers['impersonate-group']);
  const extra = new Map<string, readonly string[]>();
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(extraPrefix)) extra.set(extraKey(header.slice(extraPrefix.length)), listOf(value));
  }
  if (name !== '') return { name, uid, groups, extra };
  if (uid === '' && groups.length === 0 && extra.size === 0) return undefined;
  throw badRequest('impersonation of groups, a uid or extra fields needs Impersonate-User, too');
}

/** As it came where it is not well escaped, as upstream. */
function extraKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function single(value: string | string[] | undefined): string {
  return listOf(value)[0] ?? '';
}

/** Node joins repeated headers with `, `. */
function listOf(value: string | string[] | undefined): string[] {
  return [value ?? []]
    .flat()
    .flatMap((text) => text.split(', '))
    .filter((text) => text !== '');
}

const serviceAccountPrefix = 'system:serviceaccount:';

function* permissions(user: UserInfo, wanted: Wanted): Generator<AuthorizationAttributes> {
  const ask = (
    group: string,
    resource: string,
    name: string,
    namespace = '',
    subresource = '',
  ): AuthorizationAttributes => ({
    user,
    verb: 'impersonate',
    group,
    version: group === '' ? '' : 'v1',
    resource,
    subresource,
    namespace,
    name,
    path: '',
  });
  const [namespace, account, ...rest] = wanted.name.slice(serviceAccountPrefix.length).split(':');
  if (wanted.name.startsWith(serviceAccountPrefix) && namespace && account && rest.length === 0) {
    yield ask('', 'serviceaccounts', account, namespace);
  } else yield ask('', 'users', wanted.name);
  for (const group of wanted.groups) yield ask('', 'groups', group);
  if (wanted.uid !== '') yield ask('authentication.k8s.io', 'uids', wanted.uid);
  for (const [key, values] of wanted.extra) {
    for (const value of values) yield ask('authentication.k8s.io', 'userextras', value, '', key);
  }
}

function userFrom({ name, uid, groups, extra }: Wanted): UserInfo {
  const implied = impliedGroups(name, groups);
  return {
    name,
    groups: [...new Set([...groups, ...implied])],
    ...(uid !== '' && { uid }),
    ...(extra.size > 0 && { extra: Object.fromEntries(extra) }),
  };
}

function impliedGroups(name: string, groups: readonly string[]): string[] {
  if (name === 'system:anonymous') return ['system:unauthenticated'];
  if (!name.startsWith(serviceAccountPrefix) || groups.length > 0) return ['system:authenticated'];
  const namespace = name.slice(serviceAccountPrefix.length).split(':')[0];
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
}
