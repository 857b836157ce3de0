/** What both loops read, with its indices. Attachments count only under the name that this loop gives, of volumes that are there. */
import type {
  CSIPersistentVolumeSource,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../api/schema/types/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import type { Informer } from '../../client/informer.ts';
import {
  csiDrivers,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  volumeAttachments,
} from '../../client/resources.ts';
import { type ControllerContext, contextFor, type LoopContext, nameOf } from '../shared/context.ts';
import { nodeIndex, nodeIndexValues } from '../shared/pods.ts';
import { claimKeysOf, podsByClaim } from '../storage-protection/decide.ts';
import { attachmentName } from './facts.ts';

const byVolume = 'attach-detach/volume';
const byNode = 'attach-detach/node';

export class Surroundings {
  readonly own: LoopContext;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly drivers: Informer<CSIDriver>;
  readonly attachments: Informer<VolumeAttachment>;

  constructor(context: ControllerContext) {
    this.own = contextFor(context, 'attachdetach-controller');
    const { informers } = this.own;
    this.pods = informers.informer(pods).addIndex(podsByClaim, claimKeysOf).addIndex(nodeIndex, nodeIndexValues);
    this.nodes = informers.informer(nodes);
    this.claims = informers.informer(persistentVolumeClaims);
    this.volumes = informers.informer(persistentVolumes);
    this.drivers = informers.informer(csiDrivers);
    this.attachments = informers
      .informer(volumeAttachments)
      .addIndex(byVolume, ({ spec }) => [spec.source.persistentVolumeName ?? ''])
      .addIndex(byNode, ({ spec }) => [spec.nodeName]);
  }

  get informers(): readonly { readonly synced: Promise<void> }[] {
    return [this.pods, this.nodes, this.claims, this.volumes, this.drivers, this.attachments];
  }

  attachmentsOf(volume: PersistentVolume): readonly VolumeAttachment[] {
    const { csi } = volume.spec ?? {};
    const all = this.attachments.cache.byIndex(byVolume, nameOf(volume));
    return csi === undefined ? [] : all.filter((one) => nameOf(one) === attachmentName(csi, one.spec.nodeName));
  }

  /** Each with what it attaches. */
  attachmentsOn(node: string): readonly (readonly [VolumeAttachment, CSIPersistentVolumeSource])[] {
    return this.attachments.cache.byIndex(byNode, node).flatMap((one) => {
      const { csi } = this.volumes.cache.byKey(one.spec.source.persistentVolumeName ?? '')?.spec ?? {};
      return csi !== undefined && nameOf(one) === attachmentName(csi, node) ? [[one, csi] as const] : [];
    });
  }

  podsOn = (node: string): readonly Pod[] => this.pods.cache.byIndex(nodeIndex, node);
}
