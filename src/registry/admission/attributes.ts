/**
 * A write as those outside the built-in plugins see it: webhooks and policies. Objects are in the version that the webhook or policy asked
 * for, which may be another than the client's (`matchPolicy: Equivalent`).
 */
import type { JsonObject, KubeObject } from '../../api/object.ts';
import type { GroupVersionKind } from '../../api/schema/schema.ts';
import type { UserInfo } from '../request.ts';

export interface GroupVersionResource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

export interface AdmissionAttributes {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  /** Of the object in `object`: a `Scale` for `/scale`, an `Eviction` for `/eviction`. */
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  readonly subresource: string;
  /** As the client asked. */
  readonly requestKind: GroupVersionKind;
  readonly requestResource: GroupVersionResource;
  readonly requestSubResource: string;
  /** Empty where the server is still to make it of `generateName`. */
  readonly name: string;
  /** Of a Namespace its own name. */
  readonly namespace: string;
  readonly object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  /** `CreateOptions`, `UpdateOptions`, `PatchOptions`, `DeleteOptions`, `PodExecOptions`, … with apiVersion and kind. */
  readonly options: JsonObject | undefined;
  readonly dryRun: boolean;
  readonly user: UserInfo;
}
