// Made by `npm run generate-schema` from golang-k8s-api-dev 0.36.4-1. Do not edit.
import type { EventSource, ObjectReference } from './core-v1.ts';
import type { ListMeta, MicroTime, ObjectMeta, Time, TypeMeta } from './meta-v1.ts';

export interface Event extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly eventTime: MicroTime;
  readonly series?: EventSeries;
  readonly reportingController?: string;
  readonly reportingInstance?: string;
  readonly action?: string;
  readonly reason?: string;
  readonly regarding?: ObjectReference;
  readonly related?: ObjectReference;
  readonly note?: string;
  readonly type?: string;
  readonly deprecatedSource?: EventSource;
  readonly deprecatedFirstTimestamp?: Time;
  readonly deprecatedLastTimestamp?: Time;
  readonly deprecatedCount?: number;
}

export interface EventList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly Event[];
}

export interface EventSeries {
  readonly count: number;
  readonly lastObservedTime: MicroTime;
}
