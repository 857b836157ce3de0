/**
 * `kubectl --as`: one who may, acts as another. The headers are upstream's, and so are the ways to be allowed (KEP-5284):
 *
 * ```
 *  associated-node   a pod's service account as the node that the pod runs on        ─┐ each asks two things: may the caller do this
 *  arbitrary-node    as any node                                                      │ while impersonating so (verb
 *  serviceaccount    as a service account                                             │ impersonate-on:MODE:VERB, on the request itself),
 *  user-info         as anybody else, with groups, uid and extra                     ─┘ and may they be each of these (impersonate:MODE)
 *  legacy            verb impersonate alone, whatever is then done
 * ```
 * The first that allows decides; where none does, the caller reads why the first that applies did not. Each name in the headers is a
 * permission of its own, so that nobody gains more than was granted.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { goQuote } from '../../api/field-error.ts';
import { isDns1123Subdomain } from '../../api/names.ts';
import { forbiddenError } from '../../api/refusal.ts';
import { badRequest, hasReason, type StatusError } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../../registry/request.ts';
import { wantedExtraProblem } from './impersonated-extra.ts';

/** As the headers say it, nothing added. */
interface Wanted {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: ReadonlyMap<string, readonly string[]>;
}

export interface Impersonated {
  readonly user: UserInfo;
  /** The verb by which it was allowed; absent where it was the legacy one. For the audit log. */
  readonly constraint?: string;
}

const extraPrefix = 'impersonate-extra-';

/** Undefined where the headers ask for nobody else. `request`: what the caller wants to do then. @throws StatusError Forbidden, BadRequest */
export async function impersonate(
  request: AuthorizationAttributes,
  headers: IncomingHttpHeaders,
  authorizer: Authorizer,
): Promise<Impersonated | undefined> {
  const wanted = asksForAnother(headers) ? wantedIn(headers) : undefined;
  if (wanted === undefined) return undefined;
  let first: StatusError | undefined;
  for (const mode of modes) {
    if (!mode.appliesTo(wanted, request.user)) continue;
    try {
      return await allowedBy(mode, wanted, request, authorizer);
    } catch (error) {
      if (!hasReason(error, 'Forbidden')) throw error;
      first ??= error;
    }
  }
  throw first ?? new Error('no way to impersonate applies');
}

/** Hardly ever: the question must cost next to nothing. */
export function asksForAnother(headers: IncomingHttpHeaders): boolean {
  for (const header in headers) if (header.startsWith('impersonate-')) return true;
  return false;
}

/** Whoever asks is not known to be allowed any of it yet: bounded before it is taken apart. @throws StatusError BadRequest */
function wantedIn(headers: IncomingHttpHeaders): Wanted | undefined {
  checkLength(headers);
  const name = single(headers['impersonate-user']);
  const uid = single(headers['impersonate-uid']);
  const groups = listOf(headers['impersonate-group']);
  const extra = new Map<string, readonly string[]>();
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(extraPrefix)) extra.set(extraKey(header.slice(extraPrefix.length)), listOf(value));
  }
  if (name !== '') return { name, uid, groups, extra };
  if (uid === '' && groups.length === 0 && extra.size === 0) return undefined;
  throw badRequest(`requested ${goUser(uid, groups, extra)} without impersonating a user name`);
}

function checkLength(headers: IncomingHttpHeaders): void {
  let characters = 0;
  for (const [header, value = ''] of Object.entries(headers)) {
    if (header.startsWith('impersonate-')) characters += header.length + value.length;
  }
  if (characters > limits.impersonationCharactersMax) throw badRequest('the headers for impersonation are too long');
}

/** As Go prints the struct that upstream makes of the headers. */
function goUser(uid: string, groups: readonly string[], extra: Wanted['extra']): string {
  const list = (texts: readonly string[]): string =>
    texts.length === 0 ? '[]string(nil)' : `[]string{${texts.map(goQuote).join(', ')}}`;
  const entries = [...extra]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, values]) => `${goQuote(key)}:${list(values)}`);
  const map = entries.length === 0 ? 'map[string][]string(nil)' : `map[string][]string{${entries.join(', ')}}`;
  return `&user.DefaultInfo{Name:"", UID:${goQuote(uid)}, Groups:${list(groups)}, Extra:${map}}`;
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

interface Mode {
  /** Undefined: legacy. */
  readonly name?: string;
  appliesTo(wanted: Wanted, caller: UserInfo): boolean;
}

const modes: readonly Mode[] = [
  { name: 'associated-node', appliesTo: (wanted, caller) => isNameAlone(wanted) && isOnNode(caller, wanted.name) },
  { name: 'arbitrary-node', appliesTo: (wanted) => isNameAlone(wanted) && nodeIn(wanted.name) !== undefined },
  { name: 'serviceaccount', appliesTo: (wanted) => isNameAlone(wanted) && accountIn(wanted.name) !== undefined },
  {
    name: 'user-info',
    appliesTo: ({ name }) => nodeIn(name) === undefined && accountIn(name) === undefined,
  },
  { appliesTo: () => true },
];

const isNameAlone = ({ uid, groups, extra }: Wanted): boolean => uid === '' && groups.length === 0 && extra.size === 0;

const nodePrefix = 'system:node:';
const serviceAccountPrefix = 'system:serviceaccount:';

function nodeIn(name: string): string | undefined {
  const node = name.startsWith(nodePrefix) ? name.slice(nodePrefix.length) : '';
  return node !== '' && isDns1123Subdomain(node).length === 0 ? node : undefined;
}

interface Account {
  readonly namespace: string;
  readonly name: string;
}

export function accountIn(user: string): Account | undefined {
  if (!user.startsWith(serviceAccountPrefix)) return undefined;
  const [namespace, name, ...rest] = user.slice(serviceAccountPrefix.length).split(':');
  return namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

function isOnNode(caller: UserInfo, wanted: string): boolean {
  const node = nodeIn(wanted);
  const [found, ...more] = caller.extra?.['authentication.kubernetes.io/node-name'] ?? [];
  return node !== undefined && accountIn(caller.name) !== undefined && found === node && more.length === 0;
}

/** @throws StatusError Forbidden */
async function allowedBy(
  mode: Mode,
  wanted: Wanted,
  request: AuthorizationAttributes,
  authorizer: Authorizer,
): Promise<Impersonated> {
  const check = async (attributes: AuthorizationAttributes): Promise<void> => {
    const { allowed, reason, problem = '' } = await authorizer.decide(attributes);
    if (!allowed) throw forbiddenError(attributes, [problem, reason].filter((text) => text !== '').join(': '));
  };
  const { user: caller } = request;
  if (mode.name === undefined) {
    for (const attributes of permissions(caller, 'impersonate', wanted)) await check(attributes);
    return { user: userFrom(wanted, false) };
  }
  const user = mode.name === 'associated-node' ? withKeysOfExtra(caller) : caller;
  await check({ ...request, user, verb: `impersonate-on:${mode.name}:${request.verb}` });
  const verb = `impersonate:${mode.name}`;
  for (const attributes of permissions(user, verb, wanted)) await check(attributes);
  return { user: userFrom(wanted, true), constraint: verb };
}

/** Which pod it is, and where, was looked at before: an authorizer is asked about the service account alone, whatever its node. */
function withKeysOfExtra(user: UserInfo): UserInfo {
  const keys = Object.keys(user.extra ?? {}).sort();
  return { ...user, extra: { 'authentication.kubernetes.io/associated-node-keys': keys } };
}

const authentication = 'authentication.k8s.io';

function ask(
  user: UserInfo,
  verb: string,
  group: string,
  resource: string,
  name: string,
  namespace = '',
  subresource = '',
): AuthorizationAttributes {
  return { user, verb, group, version: 'v1', resource, subresource, namespace, name, path: '' };
}

/** The legacy way must go on to allow it. @throws StatusError Forbidden */
function refuseMasters(user: UserInfo, verb: string, { groups }: Wanted): void {
  if (!groups.includes('system:masters')) return;
  const attributes = ask(user, verb, authentication, 'groups', 'system:masters');
  throw forbiddenError(attributes, 'impersonating the system:masters group is not allowed');
}

/** The same. @throws StatusError Forbidden */
function refuseOddExtra(user: UserInfo, verb: string, { extra }: Wanted): void {
  const problem = wantedExtraProblem(extra);
  if (problem !== undefined) throw forbiddenError(ask(user, verb, authentication, 'userextras', ''), problem);
}

/** In upstream's order. @throws StatusError Forbidden, on the way, for what nobody may */
function* permissions(user: UserInfo, verb: string, wanted: Wanted): Generator<AuthorizationAttributes> {
  const isLegacy = verb === 'impersonate';
  const group = isLegacy ? '' : authentication;
  const account = accountIn(wanted.name);
  const node = isLegacy ? undefined : nodeIn(wanted.name);
  if (account !== undefined) yield ask(user, verb, group, 'serviceaccounts', account.name, account.namespace);
  else if (node === undefined) yield ask(user, verb, group, 'users', wanted.name);
  else yield ask(user, verb, group, 'nodes', verb === 'impersonate:associated-node' ? '*' : node);
  if (wanted.uid !== '') yield ask(user, verb, authentication, 'uids', wanted.uid);
  if (!isLegacy) refuseMasters(user, verb, wanted);
  for (const name of wanted.groups) yield ask(user, verb, group, 'groups', name);
  if (!isLegacy) refuseOddExtra(user, verb, wanted);
  for (const [key, values] of wanted.extra) {
    for (const value of values) yield ask(user, verb, authentication, 'userextras', value, '', key);
  }
}

function userFrom({ name, uid, groups, extra }: Wanted, isConstrained: boolean): UserInfo {
  return {
    name,
    groups: withImplied(name, groups.length > 0 ? groups : fixedGroups(name, isConstrained)),
    ...(uid !== '' && { uid }),
    ...(extra.size > 0 && { extra: Object.fromEntries(extra) }),
  };
}

function fixedGroups(name: string, isConstrained: boolean): readonly string[] {
  const account = accountIn(name);
  if (account !== undefined) return ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
  return isConstrained && nodeIn(name) !== undefined ? ['system:nodes'] : [];
}

/** Who asks to belong to `system:unauthenticated` is not authenticated. */
function withImplied(name: string, groups: readonly string[]): readonly string[] {
  const implied = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return groups.includes(implied) || groups.includes('system:unauthenticated') ? groups : [...groups, implied];
}
