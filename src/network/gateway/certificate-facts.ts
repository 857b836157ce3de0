/**
 * What Secrets and ConfigMaps of the gateway hold, read and checked: certificates with their keys, authorities, users. Pure, save for the work of
 * parsing keys. No error names any of the contents.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { pemBlocks, pemText } from '../../api/certificates/pem.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import { hashMs, hashMsMax, listMsMax } from './password-hashes.ts';
import type { CertificateFacts, Found } from './translator.ts';

/** Bounds of what is parsed: a chain, and a bundle of authorities. */
const chainMax = 16;
const authoritiesMax = 256;
const usersMax = 4096;

const bad = (why: string): { readonly kind: 'bad'; readonly why: string } => ({ kind: 'bad', why });
const good = <T>(value: T): Found<T> => ({ kind: 'found', value });

/** `tls.crt` and `tls.key`. */
export function certificateOf({ data = {}, metadata }: Secret): Found<CertificateFacts> {
  const [chainText, keyText] = [textOf(data['tls.crt']), textOf(data['tls.key'])];
  if (chainText === undefined) return bad('it has no tls.crt');
  if (keyText === undefined) return bad('it has no tls.key');
  const chain = certificatesIn(chainText, chainMax);
  if (typeof chain === 'string') return bad(`tls.crt ${chain}`);
  const key = privateKey(keyText);
  if (key === undefined) return bad('tls.key is no private key without a password (PEM)');
  const [leaf] = chain;
  if (leaf === undefined) return bad('tls.crt has no certificate');
  if (!leaf.checkPrivateKey(key)) return bad('tls.key does not belong to the first certificate of tls.crt');
  const pem = `${key.export({ type: 'pkcs8', format: 'pem' })}${pemOf(chain)}`;
  return good({
    id: `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`,
    pem,
    names: namesOf(leaf),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
  });
}

/** `ca.crt` of a Secret (Base64) or a ConfigMap (plain). */
export function authoritiesOf(
  object: { readonly data?: Secret['data'] & ConfigMap['data'] },
  isEncoded: boolean,
): Found<string> {
  const value = object.data?.['ca.crt'];
  const text = isEncoded ? textOf(value) : value;
  if (text === undefined) return bad('it has no ca.crt');
  const authorities = certificatesIn(text, authoritiesMax);
  if (typeof authorities === 'string') return bad(`ca.crt ${authorities}`);
  return authorities.length === 0 ? bad('ca.crt has no certificate') : good(pemOf(authorities));
}

/** A line of htpasswd for each user: hashes that crypt(3) knows, which is what HAProxy asks. */
export function usersOf({ data = {} }: Secret, form: 'auth-file' | 'auth-map'): Found<readonly string[]> {
  const file = textOf(data['auth']);
  if (form === 'auth-file' && file === undefined) return bad('it has no key auth');
  const lines =
    form === 'auth-file'
      ? (file ?? '').split('\n').map((line) => line.trim())
      : Object.entries(data).map(([user, hash]) => `${user}:${(textOf(hash) ?? '').trim()}`);
  const users = lines.filter((line) => line !== '' && !line.startsWith('#'));
  if (users.length === 0) return bad('it names no user');
  if (users.length > usersMax) return bad(`it names more than ${usersMax} users`);
  const wrong = users.findIndex((line) => !/^[^:\s"'\\]{1,256}:[\x21-\x7e]{1,256}$/.test(line));
  if (wrong >= 0) return bad(`its user number ${wrong + 1} has not the form name:hash`);
  const costs = users.map((line) => hashMs(line.slice(line.indexOf(':') + 1)));
  const slow = costs.findIndex((ms) => !(ms <= hashMsMax));
  if (slow >= 0) {
    const most = 'bcrypt of cost 10, 150000 rounds of SHA-crypt, yescrypt j9T';
    return bad(`the hash of its user number ${slow + 1} takes too long to check; the most is ${most}`);
  }
  if (costs.reduce((sum, ms) => sum + ms, 0) <= listMsMax) return good(users);
  return bad(`its ${users.length} hashes take too long to check, all together; make them of a lower cost`);
}

function textOf(encoded: string | undefined): string | undefined {
  const text = encoded === undefined ? '' : Buffer.from(encoded, 'base64').toString('utf8');
  return text === '' ? undefined : text;
}

/** Or what is wrong. */
function certificatesIn(text: string, max: number): readonly X509Certificate[] | string {
  const blocks = pemBlocks(text).filter(({ type }) => type === 'CERTIFICATE');
  if (blocks.length > max) return `has more than ${max} certificates`;
  const certificates: X509Certificate[] = [];
  for (const { bytes } of blocks) {
    try {
      certificates.push(new X509Certificate(bytes));
    } catch {
      return `has a certificate (number ${certificates.length + 1}) that cannot be read`;
    }
  }
  return certificates;
}

function privateKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    return undefined;
  }
}

const pemOf = (certificates: readonly X509Certificate[]): string =>
  certificates.map(({ raw }) => pemText('CERTIFICATE', raw)).join('');

/** DNS names of the certificate; the common name where it has none. */
function namesOf({ subjectAltName = '', subject }: X509Certificate): readonly string[] {
  const names = [...subjectAltName.matchAll(/DNS:([^,"\s]+)/g)].map(([, name = '']) => name.toLowerCase());
  if (names.length > 0) return names;
  const common = /(?:^|\n)CN=([^\n]+)/.exec(subject)?.[1]?.toLowerCase() ?? '';
  return /^[a-z0-9*][a-z0-9.-]*$/.test(common) ? [common] : [];
}
