/**
 * Kubeconfig files: making one for a cluster of ours, and reading any (`kubeconfig-reader.ts`).
 */
import { chmod, writeFile } from 'node:fs/promises';
import { parseYaml, stringifyYaml } from '../api/yaml.ts';
import { defined, entry, type Fields, type NamedEntries, stringOf } from './kubeconfig-reader.ts';

export { type ClientConfig, parseKubeconfig, readKubeconfig } from './kubeconfig-reader.ts';

export interface KubeconfigOptions {
  readonly server: string;
  /** PEM. */
  readonly ca: string;
  /** PEM; with `clientKey`, unless `token` is given. */
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly token?: string;
  readonly user: string;
  readonly cluster: string;
  readonly namespace?: string;
}

/** The text of a kubeconfig with one cluster, one user and one context, everything inline. */
export function makeKubeconfig(options: KubeconfigOptions): string {
  const { server, ca, clientCert, clientKey, token, user, cluster, namespace } = options;
  const context = `${user}@${cluster}`;
  return stringifyYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: cluster, cluster: { server, 'certificate-authority-data': base64(ca) } }],
    contexts: [{ name: context, context: defined({ cluster, user, namespace }) }],
    'current-context': context,
    users: [
      {
        name: user,
        user: defined({
          'client-certificate-data': clientCert && base64(clientCert),
          'client-key-data': clientKey && base64(clientKey),
          token,
        }),
      },
    ],
  });
}

/** The text with another client certificate (PEM, inline) for the user of its current context; all else stays. */
export function withClientCertificate(
  text: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): string {
  const config = parseYaml(Buffer.from(text)).value as unknown as Fields;
  const context = entry(config, 'contexts', 'context', stringOf(config, 'current-context') ?? '');
  const name = stringOf(context, 'user') ?? '';
  const {
    'client-certificate': _certificate,
    'client-key': _key,
    ...kept
  } = entry(config, 'users', 'user', name) as Record<string, unknown>;
  const user = { ...kept, 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
  const users = (config as unknown as NamedEntries)['users'] ?? [];
  return stringifyYaml({ ...config, users: users.map((one) => (one.name === name ? { ...one, user } : one)) });
}

/** Writes a kubeconfig that only its owner can read. */
export async function writeKubeconfig(file: string, options: KubeconfigOptions): Promise<void> {
  await writeFile(file, makeKubeconfig(options), { mode: 0o600 });
  await chmod(file, 0o600);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
