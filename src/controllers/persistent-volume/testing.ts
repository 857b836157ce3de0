/** For tests of the binder: it alone, with the rights of its account and no more, and makers of what it binds. */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import { events, persistentVolumeClaims, persistentVolumes, storageClasses } from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';
import { inDefault } from '../testing.ts';
import { persistentVolumeBinder } from './controller.ts';

export interface Storage extends TestApi {
  /** Folders that were removed. */
  readonly removed: readonly string[];
  addVolume(name: string, spec?: PersistentVolumeSpec, labels?: Record<string, string>): Promise<PersistentVolume>;
  /** Of the class `csi`. */
  addCsiVolume(name: string, spec?: PersistentVolumeSpec): Promise<PersistentVolume>;
  addClaim(name: string, spec?: PersistentVolumeClaimSpec): Promise<PersistentVolumeClaim>;
  addClass(name: string, more?: Partial<StorageClass>): Promise<StorageClass>;
  volume(name: string): Promise<PersistentVolume>;
  claim(name: string): Promise<PersistentVolumeClaim>;
  /** `Reason: message` of every event. */
  said(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function startStorage({ reachesNode = true } = {}): Promise<Storage> {
  const api = await startTestApi();
  const { authorizer, services: indexes } = storeAuthorization(api.store);
  const clientFor = (account: string): Client => {
    const user = serviceAccount('kube-system', account);
    return inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  };
  const removed: string[] = [];
  const removeHostPath = async (path: string): Promise<void> => void removed.push(path);
  const context = { ...api, clientFor, rootCa: 'CA', ...(reachesNode && { removeHostPath }) };
  const started = [...indexes, api.informers, ...persistentVolumeBinder(context)];
  for (const service of started) await service.start();
  await api.clock.advance(0);
  const { client, clock } = api;
  const afterwards = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    await clock.advance(1_000);
    return result;
  };
  return {
    ...api,
    removed,
    addVolume: (name, spec = {}, labels = {}) =>
      afterwards(client.create(persistentVolumes, makeVolume(name, spec, labels))),
    addCsiVolume: (name, spec = {}) => afterwards(client.create(persistentVolumes, makeCsiVolume(name, spec))),
    addClaim: (name, spec = {}) => afterwards(client.create(persistentVolumeClaims, makeClaim(name, spec))),
    addClass: (name, more = {}) =>
      afterwards(client.create(storageClasses, { metadata: { name }, provisioner: 'example.com/maker', ...more })),
    volume: (name) => client.get(persistentVolumes, { namespace: '', name }),
    claim: (name) => client.get(persistentVolumeClaims, inDefault(name)),
    said: async () => (await client.list(events)).items.map(({ reason, message }) => `${reason}: ${message}`),
    async close() {
      for (const service of started.toReversed()) await service.close();
      await api.store.close();
    },
  };
}

export const makeVolume = (
  name: string,
  spec: PersistentVolumeSpec = {},
  labels: Record<string, string> = {},
): PersistentVolume => ({
  metadata: { name, labels },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path: `/tmp/${name}` },
    ...spec,
  },
});

/** Its handle is its name. */
export const makeCsiVolume = (name: string, spec: PersistentVolumeSpec = {}): PersistentVolume => ({
  metadata: { name },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'csi',
    csi: { driver: 'csi.example.com', volumeHandle: name },
    ...spec,
  },
});

/** Without a class, and without the default one. */
export const makeClaim = (name: string, spec: PersistentVolumeClaimSpec = {}): PersistentVolumeClaim => ({
  metadata: inDefault(name),
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    storageClassName: '',
    ...spec,
  },
});
