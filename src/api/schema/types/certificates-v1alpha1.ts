// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { ListMeta, ObjectMeta, TypeMeta } from './meta-v1.ts';

export interface ClusterTrustBundle extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: ClusterTrustBundleSpec;
}

export interface ClusterTrustBundleList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly ClusterTrustBundle[];
}

export interface ClusterTrustBundleSpec {
  readonly signerName?: string;
  readonly trustBundle: string;
}
