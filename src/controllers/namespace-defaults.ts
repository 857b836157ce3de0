/**
 * What every namespace has: the service account `default`, and the ConfigMap `kube-root-ca.crt` by which pods trust the API server.
 * Two loops, since upstream gives them two identities; both put right what somebody changed or deleted.
 */
import type { KubeObject } from '../api/object.ts';
import type { ConfigMap, Namespace } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Resource } from '../client/client.ts';
import { ControlLoop, done } from '../client/controller.ts';
import { configMaps, namespaces, serviceAccounts } from '../client/resources.ts';
import type { Service } from '../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
} from './shared/context.ts';

const serviceAccountName = 'default';
const configMapName = 'kube-root-ca.crt';

export function serviceAccountController(context: ControllerContext): Service {
  const own = contextFor(context, 'service-account-controller');
  return perNamespace(own, 'serviceaccount', serviceAccounts, serviceAccountName, async (namespace, standing) => {
    if (standing !== undefined) return;
    await own.client.create(serviceAccounts, { metadata: { namespace, name: serviceAccountName } });
  });
}

export function rootCaPublisher(context: ControllerContext): Service {
  const own = contextFor(context, 'root-ca-cert-publisher');
  const data = { 'ca.crt': context.rootCa };
  return perNamespace<ConfigMap>(
    own,
    'root-ca-cert-publisher',
    configMaps,
    configMapName,
    async (namespace, standing) => {
      if (standing === undefined)
        await own.client.create(configMaps, { metadata: { namespace, name: configMapName }, data });
      else if (!holdsOnly(standing, data)) await own.client.update(configMaps, { ...standing, data });
    },
  );
}

function holdsOnly(configMap: ConfigMap, data: Readonly<Record<string, string>>): boolean {
  const standing = Object.entries(configMap.data ?? {});
  return standing.length === Object.keys(data).length && standing.every(([key, value]) => data[key] === value);
}

/** A loop over namespaces that keeps one object of `resource` in each. */
function perNamespace<T extends KubeObject>(
  context: LoopContext,
  name: string,
  resource: Resource<T>,
  objectName: string,
  ensure: (namespace: string, standing: T | undefined) => Promise<void>,
): Service {
  const owners = context.informers.informer(namespaces);
  const objects = context.informers.informer(resource);
  const loop = new ControlLoop({
    ...context,
    name,
    informers: [owners, objects],
    reconcile: async (key) => {
      const namespace = owners.cache.byKey(key);
      if (namespace === undefined || isDeleting(namespace)) return done;
      await ensure(key, objects.cache.get({ namespace: key, name: objectName })).catch(unlessEnding);
      return done;
    },
  });
  const wake = (object: T): void => {
    if (nameOf(object) === objectName) loop.queue.add(namespaceOf(object));
  };
  const enqueue = (namespace: Namespace): void => loop.queue.add(nameOf(namespace));
  owners.addHandler({ added: enqueue, updated: enqueue });
  objects.addHandler({ updated: wake, deleted: wake });
  return loop;
}

/** Somebody else made it, or the namespace has begun to go since the cache was read. */
function unlessEnding(error: unknown): void {
  if (hasReason(error, 'AlreadyExists')) return;
  const causes = hasReason(error, 'Forbidden') ? (error.details?.causes ?? []) : [];
  if (!causes.some(({ reason }) => reason === 'NamespaceTerminating')) throw error;
}
