/**
 * The cluster's account with an authority: its key in Secret `kube-system/naru-acme-account`, by the directory's URL, so that another authority has an
 * account of its own and the first one's is there when it is gone back to.
 */
import { createHash } from 'node:crypto';
import type { Secret } from '../../../api/schema/types/core-v1.ts';
import { hasReason } from '../../../api/status-error.ts';
import type { Client } from '../../../client/client.ts';
import { secrets } from '../../../client/resources.ts';
import type { Clock } from '../../../lib/clock.ts';
import { AccountKey } from './account-key.ts';
import { AcmeClient } from './client.ts';
import { httpsRequest } from './http.ts';
import type { AcmeSettings } from './settings.ts';

export const accountReference = { namespace: 'kube-system', name: 'naru-acme-account' } as const;

/** An account that is ready for orders. @throws AcmeError, StatusError */
export async function openAccount(client: Client, settings: AcmeSettings, clock: Clock): Promise<AcmeClient> {
  const key = await accountKey(client, settings.directory);
  const acme = new AcmeClient({
    directory: settings.directory,
    key,
    request: httpsRequest(settings.caBundle, clock),
    clock,
  });
  const contact = settings.email === '' ? [] : [`mailto:${settings.email}`];
  await acme.register(contact, await externalAccount(client, settings));
  return acme;
}

const entryOf = (directory: string): string =>
  `key-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}.pem`;

/** Made at the first need; it is stored before it is used, and of two processes the first one's counts. */
async function accountKey(client: Client, directory: string): Promise<AccountKey> {
  const entry = entryOf(directory);
  const known = await find(client, accountReference);
  const stored = known?.data?.[entry];
  if (stored !== undefined) return AccountKey.read(Buffer.from(stored, 'base64').toString('utf8'));
  const key = AccountKey.make();
  const data = { [entry]: Buffer.from(key.pem).toString('base64') };
  if (known === undefined) await client.create(secrets, { metadata: accountReference, type: 'Opaque', data });
  else {
    // As long as nobody else wrote it meanwhile: a Conflict is tried again, and finds theirs.
    const metadata = { resourceVersion: known.metadata?.resourceVersion };
    await client.patch(secrets, accountReference, { type: 'merge', body: { metadata, data } });
  }
  return key;
}

async function externalAccount(
  client: Client,
  { externalAccount: { keyId, keySecret } }: AcmeSettings,
): Promise<{ readonly keyId: string; readonly hmacKey: string } | undefined> {
  if (keyId === '') return undefined;
  const [namespace = '', name = ''] = keySecret.split('/');
  const text = (await find(client, { namespace, name }))?.data?.['key'];
  if (text === undefined)
    throw new Error(`acme.externalAccount: Secret ${keySecret} is not there, or has no key "key"`);
  return { keyId, hmacKey: Buffer.from(text, 'base64').toString('utf8').trim() };
}

async function find(
  client: Client,
  reference: { readonly namespace: string; readonly name: string },
): Promise<Secret | undefined> {
  try {
    return await client.get(secrets, reference);
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
