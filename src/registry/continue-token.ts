/**
 * The token that takes a list from one page to the next. Opaque to clients, but of upstream's form, so that what they get for a bad one
 * says the same: unpadded base64url over `{"v":"meta.k8s.io/v1","rv":40,"start":"namespace/name\u0000"}`. `start` is the first
 * key that may come: the NUL after the last page's last name sorts before any longer name.
 */
import { parseJson } from '../api/decode.ts';
import { badRequest, type StatusError } from '../api/status-error.ts';

export interface ContinueToken {
  /** Of the list that goes on; −1: go on with the present. */
  readonly revision: number;
  /** Where the page begins: at this key, or at the first one after it. */
  readonly start: ListStart;
}

export interface ListStart {
  readonly namespace: string;
  readonly name: string;
}

const tokenVersion = 'meta.k8s.io/v1';

/** Goes on in the present: the objects are then as they are now. */
export const presentRevision = -1;

export function startAfter({ namespace, name }: ListStart): ListStart {
  return { namespace, name: `${name}\0` };
}

/** `namespaced`: whether keys of this resource begin with a namespace. */
export function encodeContinue({ revision, start }: ContinueToken, namespaced: boolean): string {
  const key = namespaced ? `${start.namespace}/${start.name}` : start.name;
  return Buffer.from(JSON.stringify({ v: tokenVersion, rv: revision, start: key })).toString('base64url');
}

/** @throws StatusError BadRequest */
export function decodeContinue(text: string, namespaced: boolean): ContinueToken {
  const { v = '', rv = 0, start = '' } = fieldsOf(text);
  if (v !== tokenVersion) throw notValid(`: server does not recognize this encoded version ${v}`);
  if (rv === 0) throw notValid(`: incorrect encoded start resourceVersion (version ${tokenVersion})`);
  if (start === '') throw notValid(`: encoded start key empty (version ${tokenVersion})`);
  const key = start.startsWith('/') ? start.slice(1) : start;
  const segments = key.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) throw notValid(`: ${start}`);
  const namespace = namespaced ? (segments[0] as string) : '';
  return { revision: rv, start: { namespace, name: namespaced ? segments.slice(1).join('/') : key } };
}

interface TokenFields {
  readonly v?: string;
  readonly rv?: number;
  readonly start?: string;
}

function fieldsOf(text: string): TokenFields {
  const json = decodeBase64(text);
  let value: unknown;
  try {
    ({ value } = parseJson(json));
  } catch (error) {
    throw notValid(`: ${(error as Error).message}`);
  }
  if (!isToken(value)) throw notValid(': json: cannot unmarshal the token into Go value of type storage.continueToken');
  return value;
}

function isToken(value: unknown): value is TokenFields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { v = '', rv = 0, start = '' } = value as Readonly<Record<string, unknown>>;
  return typeof v === 'string' && Number.isSafeInteger(rv) && typeof start === 'string';
}

/** Go's reading of base64: strict about the alphabet, and says where it stopped. */
function decodeBase64(text: string): string {
  const wrong = text.search(/[^A-Za-z0-9_\-\r\n]/);
  const length = text.replace(/[\r\n]/g, '').length;
  const position = wrong >= 0 ? wrong : length % 4 === 1 ? text.length - 1 : -1;
  if (position >= 0) throw notValid(`: illegal base64 data at input byte ${position}`);
  return Buffer.from(text, 'base64url').toString();
}

function notValid(why: string): StatusError {
  return badRequest(`invalid continue token: continue key is not valid${why}`);
}
