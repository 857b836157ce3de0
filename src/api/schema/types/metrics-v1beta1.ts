// Made by `npm run generate-schema` from golang-k8s-metrics-dev 0.36.5-1. Do not edit.
import type { Duration, ListMeta, ObjectMeta, Quantity, Time, TypeMeta } from './meta-v1.ts';

export interface ContainerMetrics {
  readonly name: string;
  readonly usage: { readonly [key: string]: Quantity };
}

export interface NodeMetrics extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly timestamp: Time;
  readonly window: Duration;
  readonly usage: { readonly [key: string]: Quantity };
}

export interface NodeMetricsList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly NodeMetrics[];
}

export interface PodMetrics extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly timestamp: Time;
  readonly window: Duration;
  readonly containers: readonly ContainerMetrics[];
}

export interface PodMetricsList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly PodMetrics[];
}
