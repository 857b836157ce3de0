// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { PreemptionPolicy } from './core-v1.ts';
import type { ListMeta, ObjectMeta, TypeMeta } from './meta-v1.ts';

export interface PriorityClass extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly value?: number;
  readonly globalDefault?: boolean;
  readonly description?: string;
  readonly preemptionPolicy?: PreemptionPolicy;
}

export interface PriorityClassList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly PriorityClass[];
}
