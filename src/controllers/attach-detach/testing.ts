/** For tests of the loops that attach: they alone, with the rights of their account, volumes that are bound, and players of kubelet and driver. */
import type { Node, PersistentVolumeAccessMode, Pod } from '../../api/schema/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import type { Client } from '../../client/client.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import {
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  volumeAttachments,
} from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';
import { makeClaim, makeCsiVolume } from '../persistent-volume/testing.ts';
import { inDefault } from '../testing.ts';
import { attachDetachController } from './controller.ts';

export interface Attaching extends TestApi {
  readonly metrics: MetricRegistry;
  addNode(name: string, annotations?: Record<string, string>): Promise<Node>;
  /** A volume and its claim, bound to each other, of one name. */
  addVolume(name: string, ...modes: PersistentVolumeAccessMode[]): Promise<void>;
  addPod(name: string, node: string, claim: string): Promise<Pod>;
  removePod(name: string): Promise<void>;
  setStatus(node: string, status: NonNullable<Node['status']>): Promise<void>;
  /** The driver says so of the only attachment to the node, or of what is wrong with it. */
  attached(node: string, error?: string): Promise<void>;
  /** `volume@node`, with `!` where it is attached and `-` where it is to go. */
  attachments(): Promise<readonly string[]>;
  /** What the node's status says is attached. */
  reported(node: string): Promise<readonly string[]>;
  /** `pod Reason: message` of every event. */
  said(): Promise<readonly string[]>;
  close(): Promise<void>;
}

export const managed = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };

export async function startAttaching(): Promise<Attaching> {
  const api = await startTestApi();
  const { authorizer, services: indexes } = storeAuthorization(api.store);
  const clientFor = (account: string): Client => {
    const user = serviceAccount('kube-system', account);
    return inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  };
  const metrics = new MetricRegistry();
  const loops = attachDetachController({ ...api, clientFor, rootCa: 'CA', metrics });
  const started = [...indexes, api.informers, ...loops];
  for (const service of started) await service.start();
  await api.clock.advance(0);
  const { client, clock } = api;
  const settle = (): Promise<void> => clock.advance(500);
  const all = async (): Promise<readonly VolumeAttachment[]> => (await client.list(volumeAttachments)).items;
  return {
    ...api,
    metrics,
    async addNode(name, annotations = managed) {
      const node = await client.create(nodes, { metadata: { name, annotations } });
      const status = { conditions: [{ type: 'Ready', status: 'True' }] } as const;
      return client.update(nodes, { ...node, status }, { subresource: 'status' });
    },
    async addVolume(name, ...modes) {
      const accessModes = modes.length > 0 ? modes : (['ReadWriteOnce'] as const);
      const spec = { accessModes, storageClassName: 'csi', volumeName: name };
      const claim = await client.create(persistentVolumeClaims, makeClaim(name, spec));
      await client.update(persistentVolumeClaims, { ...claim, status: { phase: 'Bound' } }, { subresource: 'status' });
      const claimRef = { ...inDefault(name), uid: claim.metadata?.uid ?? '' };
      await client.create(persistentVolumes, makeCsiVolume(name, { accessModes, claimRef }));
      await settle();
    },
    async addPod(name, node, claim) {
      const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: claim } }];
      const containers = [{ name: 'main', image: 'image' }];
      const pod = { metadata: inDefault(name), spec: { nodeName: node, containers, volumes } };
      const made = await client.create(pods, pod);
      await settle();
      return made;
    },
    async removePod(name) {
      await client.delete(pods, inDefault(name), { gracePeriodSeconds: 0 });
      await settle();
    },
    async setStatus(name, status) {
      const reference = { namespace: '', name };
      await client.patch(nodes, reference, { type: 'merge', body: { status } }, { subresource: 'status' });
      await settle();
    },
    async attached(node, error) {
      const [attachment] = (await all()).filter(({ spec }) => spec.nodeName === node);
      if (attachment === undefined) throw new Error(`nothing is to be attached to ${node}`);
      const status =
        error === undefined
          ? { attached: true }
          : { attached: false, attachError: { message: error, time: '2026-01-01T00:00:00Z' } };
      await client.update(volumeAttachments, { ...attachment, status }, { subresource: 'status' });
      await settle();
    },
    attachments: async () =>
      (await all())
        .map(({ spec, status, metadata }) => {
          const mark = metadata?.deletionTimestamp === undefined ? '' : '-';
          return `${spec.source.persistentVolumeName}@${spec.nodeName}${status?.attached === true ? '!' : ''}${mark}`;
        })
        .toSorted(),
    async reported(name) {
      const { status } = await client.get(nodes, { namespace: '', name });
      return (status?.volumesAttached ?? []).map((one) => one.name);
    },
    said: async () =>
      (await client.list(events)).items.map(
        ({ involvedObject, reason, message }) => `${involvedObject.name} ${reason}: ${message}`,
      ),
    async close() {
      for (const service of started.toReversed()) await service.close();
      await api.store.close();
    },
  };
}
