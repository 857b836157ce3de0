/**
 * Which TLS the server speaks, in upstream's words: names of versions and cipher suites as Go's, and what they are to OpenSSL.
 *
 * Without any setting: TLS 1.2 and 1.3, ephemeral keys and authenticated ciphers alone. Go would still offer four suites with CBC; no client
 * of a Kubernetes API needs them. TLS 1.0 and 1.1 (RFC 8996) cannot be had at all. As in Go, suites are chosen for TLS 1.2 only; those of
 * TLS 1.3 are always there.
 */
export interface TlsSettings {
  /** `VersionTLS12`, which it is where absent, or `VersionTLS13`. */
  readonly minVersion?: string;
  /** `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`, … */
  readonly cipherSuites?: readonly string[];
}

/** What `tls.createServer` takes. */
export interface SecureOptions {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string;
}

const versions = {
  VersionTLS10: undefined,
  VersionTLS11: undefined,
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
} as const;

export const tlsVersions = ['VersionTLS12', 'VersionTLS13'];

/** Of TLS 1.3: the same name to both. */
const always = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** What is used where nothing is set; the first that both ends know is taken. */
const preferred: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
};

/** Only for who asks for them: CBC without authentication of the whole, or keys that are not ephemeral. */
const onRequest: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
};

const suites = new Map(Object.entries({ ...preferred, ...onRequest }));

/** Upstream takes them with a warning; OpenSSL has them no more. */
const gone = new Set([
  'TLS_ECDHE_ECDSA_WITH_RC4_128_SHA',
  'TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_ECDHE_RSA_WITH_RC4_128_SHA',
  'TLS_RSA_WITH_3DES_EDE_CBC_SHA',
  'TLS_RSA_WITH_RC4_128_SHA',
]);

/** HTTP/2 demands one of them (RFC 9113, 9.2.2). */
const forHttp2 = ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'];

export const tlsCipherSuites = [...always, ...Object.keys(preferred)];

/** @throws Error, one sentence, with upstream's words where it says the same */
export function secureOptions({ minVersion, cipherSuites = [] }: TlsSettings = {}): SecureOptions {
  const version = versionOf(minVersion);
  const chosen = cipherSuites.length === 0 ? Object.values(preferred) : suitesOf(cipherSuites, version);
  return { minVersion: version, ciphers: [...always, ...chosen].join(':') };
}

function versionOf(name = 'VersionTLS12'): SecureOptions['minVersion'] {
  if (!Object.hasOwn(versions, name)) throw new Error(`unknown tls version ${JSON.stringify(name)}`);
  const version = versions[name as keyof typeof versions];
  if (version === undefined)
    throw new Error(`${name} is broken, and naru does not speak it: use VersionTLS12 or VersionTLS13`);
  return version;
}

function suitesOf(names: readonly string[], version: SecureOptions['minVersion']): string[] {
  const chosen = names.flatMap(suiteOf);
  if (version === 'TLSv1.2' && !forHttp2.some((name) => names.includes(name))) {
    throw new Error(
      `http2: TLSConfig.CipherSuites is missing an HTTP/2-required AES_128_GCM_SHA256 cipher (need at least one of ${forHttp2.join(' or ')})`,
    );
  }
  return chosen;
}

function suiteOf(name: string): string[] {
  if (always.includes(name)) return [];
  if (gone.has(name)) throw new Error(`Cipher suite ${name} is broken, and naru does not speak it`);
  const suite = suites.get(name);
  if (suite === undefined) throw new Error(`Cipher suite ${name} not supported or doesn't exist`);
  return [suite];
}
