// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { UserInfo } from './authentication-v1.ts';
import type { ObjectMeta, TypeMeta } from './meta-v1.ts';

export interface SelfSubjectReview extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly status?: SelfSubjectReviewStatus;
}

export interface SelfSubjectReviewStatus {
  readonly userInfo?: UserInfo;
}
