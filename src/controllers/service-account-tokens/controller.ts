/**
 * Secrets of type `kubernetes.io/service-account-token`: fills those that somebody makes for an account, and removes them with it
 * (upstream's tokens controller); once a day, marks and removes what was made by itself long ago and is not used (upstream's
 * legacy-service-account-token-cleaner).
 *
 * ```
 *  secret NS/NAME            ─▶ fill or delete
 *  mention NS/ACCOUNT/NAME   ─▶ the account names a secret that is gone: take the name away
 * ```
 */
import { objectKey } from '../../api/object.ts';
import type { Secret, ServiceAccount } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { dayMs, invalidSinceLabel, tokenTracking } from '../../api/token-secrets.ts';
import { after, ControlLoop, done } from '../../client/controller.ts';
import { configMaps, pods, secrets, serviceAccounts } from '../../client/resources.ts';
import { limits } from '../../lib/limits.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, nameOf, namespaceOf, referenceOf, uidOf } from '../shared/context.ts';
import {
  accountNameOf,
  type CleaningPlan,
  decideCleaning,
  decideTokenSecret,
  isTokenSecret,
  withoutSecret,
} from './decide.ts';

type Signer = NonNullable<ControllerContext['signAccountToken']>;

/** @param unusedMsMax how long a token must have been out of use before it is cleaned away */
export function serviceAccountTokenControllers(
  context: ControllerContext,
  unusedMsMax: number = limits.legacyTokenUnusedMsMax,
): readonly Service[] {
  const { signAccountToken } = context;
  const cleaner = tokenCleaner(context, unusedMsMax);
  return signAccountToken === undefined ? [cleaner] : [tokenLoop(context, signAccountToken), cleaner];
}

/** Upstream's writes as the controller manager itself. */
function tokenLoop(context: ControllerContext, sign: Signer): Service {
  const { client, informers } = context;
  const tokens = informers.informer(secrets);
  const accounts = informers.informer(serviceAccounts);
  const loop: ControlLoop = new ControlLoop({
    ...context,
    name: 'serviceaccount_tokens',
    informers: [tokens, accounts],
    reconcile: async (key) => {
      const [kind, namespace = '', first = '', second = ''] = key.split('/');
      if (kind === 'mention') await forget(context, { namespace, name: first }, second);
      else await settle(namespace, first);
      return done;
    },
  });

  async function settle(namespace: string, name: string): Promise<void> {
    const secret = tokens.cache.get({ namespace, name });
    if (secret === undefined || !isTokenSecret(secret)) return;
    const account = accounts.cache.get({ namespace, name: accountNameOf(secret) });
    const plan = decideTokenSecret(secret, account, context.rootCa);
    if (plan.kind === 'nothing') return;
    if (plan.kind === 'delete') return remove(secret);
    const token = plan.needsToken ? await sign(account as ServiceAccount, secret) : undefined;
    const data = {
      ...secret.data,
      ...plan.data,
      ...(token !== undefined && { token: Buffer.from(token).toString('base64') }),
    };
    const annotations = { ...secret.metadata?.annotations, ...plan.annotations };
    const filled = { ...secret, metadata: { ...secret.metadata, annotations }, data };
    // A Conflict means that it has changed, and its change will come by.
    await client.update(secrets, filled).catch(unless('NotFound', 'Conflict'));
  }

  /** The cache of accounts may be behind that of secrets: only who asks the server knows that one is gone. */
  async function remove(secret: Secret): Promise<void> {
    const reference = { namespace: namespaceOf(secret), name: accountNameOf(secret) };
    const account = await client.get(serviceAccounts, reference).catch(unless('NotFound'));
    if (account && decideTokenSecret(secret, account, context.rootCa).kind !== 'delete') {
      throw new Error(`the account ${reference.namespace}/${reference.name} is not in the cache yet`);
    }
    await client.delete(secrets, referenceOf(secret), { uid: uidOf(secret) }).catch(unless('NotFound', 'Conflict'));
  }

  const look = (secret: Secret): void => {
    if (isTokenSecret(secret)) loop.queue.add(`secret/${objectKey(secret)}`);
  };
  const gone = (secret: Secret): void => {
    if (!isTokenSecret(secret) || accountNameOf(secret) === '') return;
    loop.queue.add(`mention/${namespaceOf(secret)}/${accountNameOf(secret)}/${nameOf(secret)}`);
  };
  const accountGone = (account: ServiceAccount): void => {
    for (const secret of tokens.cache.list(namespaceOf(account))) {
      if (accountNameOf(secret) === nameOf(account)) look(secret);
    }
  };
  tokens.addHandler({ added: look, updated: look, deleted: gone });
  accounts.addHandler({ added: accountGone, deleted: accountGone });
  return loop;
}

async function forget(
  { client }: ControllerContext,
  account: { readonly namespace: string; readonly name: string },
  secret: string,
): Promise<void> {
  const standing = await client.get(serviceAccounts, account).catch(unless('NotFound'));
  const { namespace } = account;
  const isBack = await client.get(secrets, { namespace, name: secret }).catch(unless('NotFound'));
  const changed = standing && !isBack && withoutSecret(standing, secret);
  if (changed) await client.update(serviceAccounts, changed).catch(unless('NotFound'));
}

function tokenCleaner(context: ControllerContext, unusedMsMax: number): Service {
  const own = contextFor(context, 'legacy-service-account-token-cleaner');
  const { client, clock, informers } = own;
  const tokens = informers.informer(secrets);
  const accounts = informers.informer(serviceAccounts);
  const allPods = informers.informer(pods);
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'legacy-service-account-token-cleaner',
    workers: 1,
    informers: [tokens, accounts, allPods],
    begin: () => loop.queue.add('clean'),
    reconcile: async () => {
      const noted = await client.get(configMaps, tokenTracking).catch(unless('NotFound'));
      const plan = decideCleaning({
        secrets: tokens.cache.list(),
        account: (namespace, name) => accounts.cache.get({ namespace, name }),
        pods: (namespace) => allPods.cache.list(namespace),
        trackedSince: noted ? noted.data?.['since'] : undefined,
        nowMs: clock.now(),
        unusedMsMax,
      });
      await carryOut(own, plan);
      return after(dayMs);
    },
  });
  return loop;
}

async function carryOut(
  { client, log }: ControllerContext,
  { invalidate, remove, today }: CleaningPlan,
): Promise<void> {
  for (const secret of invalidate) {
    const body = { metadata: { uid: uidOf(secret), labels: { [invalidSinceLabel]: today } } };
    log.info('unused token of a service account marked invalid', { secret: objectKey(secret) });
    await client.patch(secrets, referenceOf(secret), { type: 'merge', body }).catch(unless('NotFound', 'Conflict'));
  }
  for (const secret of remove) {
    const { resourceVersion = '' } = secret.metadata ?? {};
    log.info('unused token of a service account removed', { secret: objectKey(secret) });
    await client.delete(secrets, referenceOf(secret), { resourceVersion }).catch(unless('NotFound', 'Conflict'));
  }
}

type Reason = Parameters<typeof hasReason>[1];

function unless(...reasons: readonly Reason[]): (error: unknown) => undefined {
  return (error) => {
    if (!reasons.some((reason) => hasReason(error, reason))) throw error;
    return undefined;
  };
}
