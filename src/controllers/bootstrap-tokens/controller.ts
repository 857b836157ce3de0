/**
 * The two loops over bootstrap tokens: one removes the Secrets of tokens that have expired, one keeps the signatures of `cluster-info` in
 * kube-public. That ConfigMap itself is made by whoever sets a cluster up for joining (kubeadm does); without it there is nothing to sign.
 */
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done } from '../../client/controller.ts';
import { configMaps, secrets } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, nameOf, namespaceOf, referenceOf, uidOf } from '../shared/context.ts';
import { isBootstrapToken, leftMs, signedData } from './decide.ts';

export function bootstrapTokenControllers(context: ControllerContext): Service[] {
  return [tokenCleaner(context), bootstrapSigner(context)];
}

function tokenCleaner(context: ControllerContext): Service {
  const own = contextFor(context, 'token-cleaner');
  const tokens = context.informers.informer(secrets);
  const loop = new ControlLoop({
    ...own,
    name: 'token-cleaner',
    informers: [tokens],
    reconcile: async (key) => {
      const secret = tokens.cache.byKey(key);
      const ms = secret && leftMs(secret, own.clock.now());
      if (secret === undefined || ms === undefined) return done;
      if (ms > 0) return after(ms);
      await own.client.delete(secrets, referenceOf(secret), { uid: uidOf(secret) }).catch(ignoreGone);
      return done;
    },
  });
  const enqueue = (secret: Secret): void => {
    if (isBootstrapToken(secret)) loop.queue.add(`${namespaceOf(secret)}/${nameOf(secret)}`);
  };
  tokens.addHandler({ added: enqueue, updated: enqueue });
  return loop;
}

const clusterInfo = { namespace: 'kube-public', name: 'cluster-info' };

function bootstrapSigner(context: ControllerContext): Service {
  const own = contextFor(context, 'bootstrap-signer');
  const tokens = context.informers.informer(secrets);
  const objects = context.informers.informer(configMaps);
  const loop = new ControlLoop({
    ...own,
    name: 'bootstrap-signer',
    workers: 1,
    informers: [tokens, objects],
    reconcile: async () => {
      const configMap = objects.cache.get(clusterInfo);
      if (configMap === undefined) return done;
      const inSystem = tokens.cache.list().filter(isBootstrapToken);
      const data = signedData(configMap, inSystem, own.clock.now());
      if (data !== undefined) await own.client.update(configMaps, { ...configMap, data }).catch(ignoreGone);
      return done;
    },
  });
  const wake = (): void => loop.queue.add(clusterInfo.name);
  const secretChanged = (secret: Secret): void => {
    if (isBootstrapToken(secret)) wake();
  };
  const configMapChanged = (configMap: ConfigMap): void => {
    if (nameOf(configMap) === clusterInfo.name && namespaceOf(configMap) === clusterInfo.namespace) wake();
  };
  tokens.addHandler({ added: secretChanged, updated: secretChanged, deleted: secretChanged });
  objects.addHandler({ added: configMapChanged, updated: configMapChanged });
  return loop;
}

/** Gone, or made anew meanwhile: then its own event wakes the loop. */
function ignoreGone(error: unknown): void {
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
}
