/**
 * Section `acme` of the settings: which authority makes certificates, and for whom (RFC 8555).
 *
 * ```yaml
 * acme:
 *   termsAgreed: true                      # nothing is asked for before
 *   email: ops@example.com
 *   directory: https://acme-v02.api.letsencrypt.org/directory
 *   caBundle: |                            # what a private authority's own server is checked by
 *     -----BEGIN CERTIFICATE-----
 *   externalAccount: {keyId: abc, keySecret: kube-system/acme-eab}   # the Secret's key `key`, in base64url as the authority gave it
 *   solver: http01
 *   keyType: ecdsa                         # or rsa
 * ```
 */
import { X509Certificate } from 'node:crypto';
import { pemBlocks } from '../../../api/certificates/pem.ts';
import type { Section } from '../../configuration.ts';
import { fieldsOf, oneOf, textThat, yesOrNo } from '../../settings-fields.ts';

export interface AcmeSettings {
  readonly termsAgreed: boolean;
  readonly email: string;
  readonly directory: string;
  /** PEM; empty: the machine's own authorities. */
  readonly caBundle: string;
  /** Both empty: the authority asks for none. */
  readonly externalAccount: { readonly keyId: string; readonly keySecret: string };
  readonly solver: 'http01';
  readonly keyType: 'ecdsa' | 'rsa';
}

const defaults: AcmeSettings = {
  termsAgreed: false,
  email: '',
  directory: 'https://acme-v02.api.letsencrypt.org/directory',
  caBundle: '',
  externalAccount: { keyId: '', keySecret: '' },
  solver: 'http01',
  keyType: 'ecdsa',
};

const isHttps = (text: string): boolean => URL.canParse(text) && new URL(text).protocol === 'https:';
const isMail = (text: string): boolean => text === '' || /^[^\s@<>"]+@[^\s@<>"]+$/.test(text);

function isBundle(text: string): boolean {
  try {
    return text === '' || pemBlocks(text).filter(({ bytes }) => new X509Certificate(bytes)).length > 0;
  } catch {
    return false;
  }
}

const fields = fieldsOf<AcmeSettings>(defaults, {
  termsAgreed: yesOrNo,
  email: textThat('an address of mail', isMail),
  directory: textThat('an https URL', isHttps),
  caBundle: textThat('certificates (PEM)', isBundle),
  externalAccount: fieldsOf(defaults.externalAccount, {
    keyId: textThat('one line of text', (text) => !/[\r\n]/.test(text) && text.length <= 512),
    keySecret: textThat('namespace/name of a Secret', (text) => text === '' || /^[^/\s]+\/[^/\s]+$/.test(text)),
  }),
  solver: oneOf('http01'),
  keyType: oneOf('ecdsa', 'rsa'),
});

export const acmeSection: Section<AcmeSettings> = {
  defaults,
  parse(value) {
    const settings = fields(value, '');
    const { keyId, keySecret } = settings.externalAccount;
    if ((keyId === '') !== (keySecret === '')) throw new Error('externalAccount takes both keyId and keySecret');
    return settings;
  },
};
