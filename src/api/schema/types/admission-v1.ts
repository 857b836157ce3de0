// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { UserInfo } from './authentication-v1.ts';
import type { GroupVersionKind, GroupVersionResource, RawExtension, Status, TypeMeta } from './meta-v1.ts';

export interface AdmissionRequest {
  readonly uid?: string;
  readonly kind?: GroupVersionKind;
  readonly resource?: GroupVersionResource;
  readonly subResource?: string;
  readonly requestKind?: GroupVersionKind;
  readonly requestResource?: GroupVersionResource;
  readonly requestSubResource?: string;
  readonly name?: string;
  readonly namespace?: string;
  readonly operation?: string;
  readonly userInfo?: UserInfo;
  readonly object?: RawExtension;
  readonly oldObject?: RawExtension;
  readonly dryRun?: boolean;
  readonly options?: RawExtension;
}

export interface AdmissionResponse {
  readonly uid?: string;
  readonly allowed?: boolean;
  readonly status?: Status;
  readonly patch?: string;
  readonly patchType?: string;
  readonly auditAnnotations?: { readonly [key: string]: string };
  readonly warnings?: readonly string[];
}

export interface AdmissionReview extends TypeMeta {
  readonly request?: AdmissionRequest;
  readonly response?: AdmissionResponse;
}
