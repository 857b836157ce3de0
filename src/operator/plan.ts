/**
 * What a reconciler wants: told as a value, and carried out by the kit (`controller.ts`). Reconcilers look and decide; they write nothing
 * themselves, so that a test calls one as a function and compares.
 */
import type { KubeObject } from '../api/object.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';

export type Plan<T extends KubeObject> =
  /** This is how the world should look. Children that are not among `objects` any more are deleted. */
  | {
      readonly kind: 'want';
      /** Each whole, as one would `kubectl apply` it: with apiVersion, kind and a name. The namespace is the owner's where absent. */
      readonly objects: readonly Wish[];
      /** What users are told; `conditions` in it are kept from before where their status is the same. Absent: the status stays. */
      readonly status?: StatusOf<T>;
      readonly events?: readonly PlannedEvent[];
      /** Look again after so long (ms), although nothing may have changed. */
      readonly againMs?: number;
    }
  /** Something is missing that others will bring, and nothing is to be changed until then. */
  | { readonly kind: 'wait'; readonly why: string; readonly againMs?: number }
  /** It cannot succeed until the object changes: users are told by an event. */
  | { readonly kind: 'impossible'; readonly why: string };

/** An object of a type that the compiler knows, or one written down as it is. */
export type Wish = KubeObject | WrittenObject;

interface WrittenObject extends KubeObject {
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

export type StatusOf<T> = T extends { readonly status?: infer S } ? NonNullable<S> : unknown;

export interface PlannedEvent {
  readonly type: 'Normal' | 'Warning';
  /** One word in UpperCamelCase that tools match on. */
  readonly reason: string;
  readonly message: string;
}

type Want<T extends KubeObject> = Extract<Plan<T>, { kind: 'want' }>;

export const want = <T extends KubeObject>(
  objects: readonly Wish[],
  more: Omit<Want<T>, 'kind' | 'objects'> = {},
): Plan<T> => ({ kind: 'want', objects, ...more });

export const wait = (why: string, againMs?: number): Plan<never> => ({
  kind: 'wait',
  why,
  ...(againMs !== undefined && { againMs }),
});

export const impossible = (why: string): Plan<never> => ({ kind: 'impossible', why });

/** A condition as `conditionsSchema` has it. */
export interface StatusCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
  readonly observedGeneration?: number;
}

/** A condition by what it says; when it came to say so, and of which generation, the kit fills in. */
export type ConditionWish = Pick<StatusCondition, 'type' | 'status' | 'reason' | 'message'>;

/** For the status of a kind: `properties: { conditions: conditionsSchema }`. */
export const conditionsSchema = {
  type: 'array',
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['type'],
  items: {
    type: 'object',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: { type: 'string' },
      status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
      reason: { type: 'string' },
      message: { type: 'string' },
      lastTransitionTime: { type: 'string', format: 'date-time' },
      observedGeneration: { type: 'integer' },
    },
  },
} as const;

/**
 * `wished` as conditions of an object: each keeps the time of its last change where its status is as before; conditions that nobody wishes for
 * stay (API conventions, "Typical status properties").
 */
export function conditionsOf(
  object: KubeObject & { readonly status?: { readonly conditions?: readonly StatusCondition[] } },
  wished: readonly ConditionWish[],
  now: string,
): readonly StatusCondition[] {
  const before = object.status?.conditions ?? [];
  const { generation } = object.metadata ?? {};
  const fresh = wished.map((wish): StatusCondition => {
    const same = before.find(({ type, status }) => type === wish.type && status === wish.status);
    const lastTransitionTime = same?.lastTransitionTime ?? now;
    return { ...wish, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  });
  const kept = before.filter(({ type }) => !wished.some((wish) => wish.type === type));
  return [...kept, ...fresh].toSorted((left, right) => (left.type < right.type ? -1 : 1));
}
