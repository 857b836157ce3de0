/** What only containers of Windows take: whose credentials they use and as whom they run. */
import { invalidValue } from '../../api/field-error.ts';
import { isDns1123Subdomain } from '../../api/names.ts';
import type { WindowsSecurityContextOptions } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach } from './checks.ts';

const credentialKibMax = 64;
const domainCharactersMax = 256;
const userCharactersMax = 104;

export function validateWindowsOptions(path: string, options: WindowsSecurityContextOptions): FieldError[] {
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: spec, runAsUserName: user } = options;
  return [
    ...(name === undefined ? [] : invalidEach(`${path}.gmsaCredentialSpecName`, name, isDns1123Subdomain(name))),
    ...(spec === undefined ? [] : validateCredentials(`${path}.gmsaCredentialSpec`, spec)),
    ...(user === undefined ? [] : invalidEach(`${path}.runAsUserName`, user, userErrors(user))),
  ];
}

function validateCredentials(path: string, spec: string): FieldError[] {
  if (spec === '') return [invalidValue(path, spec, 'gmsaCredentialSpec cannot be an empty string')];
  if (Buffer.byteLength(spec) <= credentialKibMax * 1024) return [];
  return [invalidValue(path, spec, `gmsaCredentialSpec size must be under ${credentialKibMax} KiB`)];
}

/** `USER` or `DOMAIN\USER`, in Windows' own forms. */
function userErrors(name: string): string[] {
  if (name === '') return ['runAsUserName cannot be an empty string'];
  if (/\p{Cc}/u.test(name)) return ['runAsUserName cannot contain control characters'];
  const parts = name.split('\\');
  if (parts.length > 2) return ['runAsUserName cannot contain more than one backslash'];
  const [domain, user] = parts.length === 2 ? [parts[0] ?? '', parts[1] ?? ''] : [undefined, name];
  return [...domainErrors(domain), ...userPartErrors(user)];
}

function domainErrors(domain: string | undefined): string[] {
  if (domain === undefined) return [];
  const errors: string[] = [];
  if (Buffer.byteLength(domain) >= domainCharactersMax) {
    errors.push(`runAsUserName's Domain length must be under ${domainCharactersMax} characters`);
  }
  if (!isNetBiosName(domain) && !isDomain(domain)) {
    errors.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  return errors;
}

const isNetBiosName = (text: string): boolean => /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/u.test(text);

/** As a DNS name, in capitals if need be. */
const isDomain = (text: string): boolean =>
  text.split('.').every((label) => label.length <= 63 && /^[a-z0-9-]+$/i.test(label) && !/^-|-$/.test(label));

function userPartErrors(user: string): string[] {
  const errors: string[] = [];
  if (user === '') errors.push("runAsUserName's User cannot be empty");
  else if (Buffer.byteLength(user) > userCharactersMax) {
    errors.push(`runAsUserName's User length must not be longer than ${userCharactersMax} characters`);
  }
  if (/^[. ]+$/.test(user)) errors.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) {
    errors.push('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]');
  }
  return errors;
}
