// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { Toleration } from './core-v1.ts';
import type { ListMeta, ObjectMeta, Quantity, TypeMeta } from './meta-v1.ts';

export interface Overhead {
  readonly podFixed?: { readonly [key: string]: Quantity };
}

export interface RuntimeClass extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly handler: string;
  readonly overhead?: Overhead;
  readonly scheduling?: Scheduling;
}

export interface RuntimeClassList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly RuntimeClass[];
}

export interface Scheduling {
  readonly nodeSelector?: { readonly [key: string]: string };
  readonly tolerations?: readonly Toleration[];
}
