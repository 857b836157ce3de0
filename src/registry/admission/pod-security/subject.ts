/**
 * What a check of the Pod Security Standards looks at, and how it says what it found: `reason (detail)`. Pure.
 *
 * Lists in a detail are quoted as they are, nothing in them is escaped; values stand in order, each once, names as often as they occur.
 */
import type { Container, PodSpec, SecurityContext } from '../../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../../api/schema/types/meta-v1.ts';

/** The part that containers of all three kinds share. */
export type AnyContainer = Pick<
  Container,
  'lifecycle' | 'livenessProbe' | 'name' | 'ports' | 'readinessProbe' | 'securityContext' | 'startupProbe'
>;

/** A pod, or a template of pods. */
export interface Subject {
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
  /** Init containers, containers, ephemeral containers. */
  readonly containers: readonly AnyContainer[];
}

/** The fields that pods and containers have alike. */
export type SharedContext = Pick<
  SecurityContext,
  'appArmorProfile' | 'runAsNonRoot' | 'runAsUser' | 'seccompProfile' | 'seLinuxOptions' | 'windowsOptions'
>;

export interface Violation {
  /** Short: what stands in a warning about many pods. */
  readonly reason: string;
  /** Who, and what. */
  readonly detail: string;
}

/** Undefined: nothing is wrong. */
export type CheckPod = (subject: Subject) => Violation | undefined;

export function subjectOf(metadata: ObjectMeta | undefined, spec: PodSpec): Subject {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return {
    annotations: metadata?.annotations ?? {},
    spec,
    containers: [...initContainers, ...containers, ...ephemeralContainers],
  };
}

/** `"a", "b"`. */
export const quoted = (texts: readonly string[]): string => texts.map((text) => `"${text}"`).join(', ');

export const plural = (count: number, one: string, many = `${one}s`): string => (count === 1 ? one : many);

/** `container "a"`, `containers "a", "b"`. */
export const containersNamed = (names: readonly string[]): string =>
  `${plural(names.length, 'container')} ${quoted(names)}`;

export const sortedSet = (values: Iterable<string>): string[] => [...new Set(values)].sort();

/** The names of the containers that do. */
export const namesWhere = ({ containers }: Subject, does: (container: AnyContainer) => boolean): string[] =>
  containers.filter(does).map(({ name }) => name);

/** Who of them all does: `pod`, `containers "a", "b"`, to be joined by `and`. */
export function settersWhere(subject: Subject, does: (context: SharedContext) => boolean): string[] {
  const { securityContext } = subject.spec;
  const names = namesWhere(subject, (container) => does(container.securityContext ?? {}));
  return [...(does(securityContext ?? {}) ? ['pod'] : []), ...(names.length > 0 ? [containersNamed(names)] : [])];
}

/** The security contexts of the pod and its containers, where they are set. */
export function contextsOf({ spec, containers }: Subject): SharedContext[] {
  return [spec, ...containers].flatMap(({ securityContext }) => securityContext ?? []);
}
