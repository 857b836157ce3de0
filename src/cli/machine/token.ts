/**
 * `naru token create|list|delete`: bootstrap tokens, as kubeadm's (Secrets `bootstrap-token-ID` in kube-system). With the first one, what machines that
 * join must be able to read is put in place: `cluster-info` in kube-public, which anybody may read, with the cluster's address and authority.
 */
import {
  bootstrapTokenSecretPrefix,
  bootstrapTokenSecretType,
  expiryOf,
  secretText,
} from '../../api/bootstrap-token.ts';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { secrets } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { formatTime } from '../../lib/clock.ts';
import { type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UserError } from '../user-error.ts';
import { publishClusterInfo } from './cluster-info.ts';
import { parseDuration } from './duration-option.ts';
import { authorityFingerprint, freshToken } from './join-token.ts';
import { joinAddress } from './server-address.ts';

export interface TokenOptions extends ConnectionOptions {
  readonly ttl: string;
  readonly description?: string;
}

const namespace = 'kube-system';
const descriptionLengthMax = 1024;
/** The group that the cluster's policy lets ask for a node's certificate, by kubeadm's name. */
const joiningGroup = 'system:bootstrappers:kubeadm:default-node-token';

export async function createToken(home: Home, options: TokenOptions): Promise<void> {
  const ttlMs = parseDuration('--ttl', options.ttl);
  if ((options.description?.length ?? 0) > descriptionLengthMax) {
    throw new UserError(`--description takes ${descriptionLengthMax} characters at most`);
  }
  await withApi(home, options, async ({ client, config, clock }) => {
    const { ca } = config;
    if (ca === undefined) throw noAuthority();
    const address = await joinAddress(home, config, client);
    const { id, secret } = freshToken();
    const expiry = ttlMs === 0 ? undefined : formatTime(clock.now() + ttlMs);
    await client.create(secrets, tokenSecret(id, secret, expiry, options.description));
    await publishClusterInfo(client, { server: `https://${address}`, ca });
    console.log(`On the machine that is to join, as root:

  naru join ${address.replace(/:6443$/, '')} --token ${id}.${secret}.${authorityFingerprint(ca)}
`);
    console.log(expiry === undefined ? 'The token has no end.' : `The token is good until ${expiry}.`);
  });
}

const noAuthority = (): UserError =>
  new UserError("the kubeconfig names no certificate authority for the cluster: use this machine's, or one with one");

function tokenSecret(id: string, secret: string, expiration: string | undefined, description = ''): Secret {
  const texts = {
    'token-id': id,
    'token-secret': secret,
    ...(expiration !== undefined && { expiration }),
    ...(description !== '' && { description }),
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    'auth-extra-groups': joiningGroup,
  };
  return {
    metadata: { namespace, name: `${bootstrapTokenSecretPrefix}${id}` },
    type: bootstrapTokenSecretType,
    data: Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
  };
}

export async function listTokens(home: Home, options: ConnectionOptions): Promise<void> {
  await withApi(home, options, async ({ client, clock }) => {
    const found = await tokensOf(client);
    if (found.length === 0) console.log('There are no tokens; make one with: naru token create');
    else for (const line of tokenLines(found, clock.now())) console.log(line);
  });
}

async function tokensOf(client: Client): Promise<readonly Secret[]> {
  const { items } = await client.list(secrets, { namespace, fieldSelector: `type=${bootstrapTokenSecretType}` });
  return items.filter(({ metadata }) => metadata?.name?.startsWith(bootstrapTokenSecretPrefix));
}

/** Without secrets. */
export function tokenLines(tokens: readonly Secret[], nowMs: number): string[] {
  const rows = tokens.map((token) => [secretText(token, 'token-id'), leftText(token, nowMs), describe(token)]);
  return [['ID', 'GOOD FOR', 'DESCRIPTION'], ...rows].map(([id = '', left = '', text = '']) =>
    `${id.padEnd(8)}${left.padEnd(12)}${text}`.trimEnd(),
  );
}

/** In one line, whatever somebody wrote there. */
const describe = (token: Secret): string =>
  secretText(token, 'description')
    .replaceAll(/[^\P{C}]/gu, ' ')
    .slice(0, 100);

function leftText(token: Secret, nowMs: number): string {
  const expiryMs = expiryOf(token);
  if (expiryMs === undefined) return 'ever';
  const minutes = Math.floor((expiryMs - nowMs) / 60_000);
  if (expiryMs <= nowMs) return 'expired';
  if (minutes < 120) return `${minutes}m`;
  return minutes < 48 * 60 ? `${Math.floor(minutes / 60)}h` : `${Math.floor(minutes / 1440)}d`;
}

export async function deleteTokens(home: Home, ids: readonly string[], options: ConnectionOptions): Promise<void> {
  await withApi(home, options, async ({ client }) => {
    for (const text of ids) {
      // Who has only the whole token may give that.
      const [id = ''] = text.split('.');
      if (!/^[a-z0-9]{6}$/.test(id)) {
        throw new UserError(`${text.slice(0, 20)} is no token's id (six letters and digits); see naru token list`);
      }
      try {
        await client.delete(secrets, { namespace, name: `${bootstrapTokenSecretPrefix}${id}` });
      } catch (error) {
        if (!hasReason(error, 'NotFound')) throw error;
        throw new UserError(`there is no token ${id}; see naru token list`);
      }
      console.log(`Token ${id} is good for nothing any more.`);
    }
  });
}
