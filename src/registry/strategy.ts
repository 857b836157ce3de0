/**
 * What a kind adds to the common path (ARCHITECTURE.md, section 3: registry).
 *
 * ```
 *  body ─ decode ─ to stored version ─ setDefaults ─ admission ─ metadata ─ prepareFor… ─ validate… ─ allocate ─ write
 * ```
 * Every hook is optional: a kind without any is created, updated and deleted as its table says. Hooks are synchronous and
 * change nothing but the draft they are given. They see objects in their stored version only, those of custom kinds
 * in the version that was asked for.
 *
 * A new kind gets an entry in `strategies/index.ts`; see there for the families.
 */
import type { KubeObject } from '../api/object.ts';
import type { IPFamily } from '../api/schema/types/core-v1.ts';
import type { FieldError } from '../api/status-error.ts';
import type { Store } from '../store/store.ts';
import type { Draft } from './draft.ts';
import type { DeleteOptions, UserInfo } from './request.ts';
import type { Reservations } from './service-addresses.ts';

export interface StrategyContext {
  readonly user: UserInfo;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** For kinds whose rules look at other objects. Read only. */
  readonly store: Store;
  /** Those that the cluster's Services can have; the primary first. */
  readonly serviceFamilies: readonly IPFamily[];
  /** Shown to the client beside the result: what only the object as it was sent tells. See also `Strategy.warnings`. */
  warn(message: string): void;
}

/** Takes what must be unique in the cluster; the request gives it back once the write is visible or has failed. */
export interface AllocationContext extends StrategyContext {
  readonly reservations: Reservations;
}

/** Reads one field of an object for a field selector. */
export type FieldReader<T extends KubeObject = KubeObject> = (object: T) => string;

/** Methods and not function properties, so that a `Strategy<Pod>` fits where any strategy does. */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** `metadata.generation` starts at 1 and counts changes of everything but metadata and status. */
  readonly generation?: boolean;
  /** The generation counts changes of annotations too: they are handed down, and whoever hands them down must be seen to have done so. */
  readonly countsAnnotations?: boolean;
  /** A PUT to a name that does not exist creates it. */
  readonly allowCreateOnUpdate?: boolean;
  /** False: a PUT must carry `metadata.resourceVersion`. */
  readonly allowUnconditionalUpdate?: boolean;
  /** A delete answers with the object, not with a Status. */
  readonly returnDeletedObject?: boolean;
  /** What a client writes into status when it creates the object stays. */
  readonly keepStatusOnCreate?: boolean;
  /** A write to /status changes labels, annotations and the rest of the metadata no more than it changes the spec. */
  readonly statusKeepsMetadata?: boolean;
  /** What becomes of the objects that it owns where a delete does not say; they go too where this is absent. */
  readonly dependents?: 'orphaned' | 'never looked for';
  /** Shown to the client with a delete that says nothing of dependents. */
  readonly silentDeleteWarning?: string;
  /** What the first delete makes of the object, before finalizers are asked. */
  doomed?(object: T, nowMs: number): KubeObject;
  /** `spec.finalizers` hold the object as `metadata.finalizers` do: namespaces only. */
  readonly specFinalizers?: boolean;
  /** Upstream's messages for a bad name; a DNS subdomain where absent. */
  readonly nameErrors?: (name: string) => string[];

  setDefaults?(draft: Draft<T>): void;
  prepareForCreate?(draft: Draft<T>, context: StrategyContext): void;
  prepareForUpdate?(draft: Draft<T>, old: T, context: StrategyContext): void;
  /** Must hold for every object, new or changed (`old` is what it replaces). Metadata was checked already. */
  validate?(object: T, old?: T, context?: StrategyContext): FieldError[];
  /** Must hold for new objects, among the others that are there; its errors come before those of `validate`. */
  validateCreate?(object: T, context: StrategyContext): FieldError[];
  /** Where errors of an update stand: those of `validate` first where absent; after those of `validateUpdate`; or not at all. */
  readonly updateRules?: 'change first' | 'change only';
  /** Must hold between the object and what it replaces. */
  validateUpdate?(object: T, old: T): FieldError[];
  /** After validation and before the write. `old` is undefined for a new object. */
  allocate?(draft: Draft<T>, old: T | undefined, context: AllocationContext): void;

  prepareForStatusUpdate?(draft: Draft<T>, old: T, context: StrategyContext): void;
  validateStatusUpdate?(object: T, old: T, context: StrategyContext): FieldError[];

  /** Seconds between a delete and the object's end; undefined: the kind goes at once. */
  gracePeriodSeconds?(object: T, options: DeleteOptions): number | undefined;

  /** Shown to the client beside the result; `old` is what the object replaced. */
  warnings?(object: T, old?: T): string[];

  /** Field selectors beside `metadata.name` and `metadata.namespace`. */
  readonly fields?: Readonly<Record<string, FieldReader<T>>>;
}
