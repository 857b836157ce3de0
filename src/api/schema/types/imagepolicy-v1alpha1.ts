// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { ObjectMeta, TypeMeta } from './meta-v1.ts';

export interface ImageReview extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec?: ImageReviewSpec;
  readonly status?: ImageReviewStatus;
}

export interface ImageReviewContainerSpec {
  readonly image?: string;
}

export interface ImageReviewSpec {
  readonly containers?: readonly ImageReviewContainerSpec[];
  readonly annotations?: { readonly [key: string]: string };
  readonly namespace?: string;
}

export interface ImageReviewStatus {
  readonly allowed?: boolean;
  readonly reason?: string;
  readonly auditAnnotations?: { readonly [key: string]: string };
}
