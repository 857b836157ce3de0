/**
 * Where in an object the numbers of its scale stand: for built-in kinds always in the same places, for custom ones where their definition says.
 * Pure.
 */
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import { setKey } from '../../api/patch/json-tree.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import type { CustomResourceSubresourceScale } from '../../api/schema/types/apiextensions-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher, matchLabels } from '../../api/selector.ts';
import { internalError } from '../../api/status-error.ts';

export interface ScalePaths {
  readonly replicas: readonly string[];
  readonly statusReplicas: readonly string[];
  /** As the definition writes it, where there has to be a number: what a scale without one is told. */
  readonly required?: string;
  /** In the form of a query: `app=web`. */
  selector(object: KubeObject): string;
}

const builtin: ScalePaths = {
  replicas: ['spec', 'replicas'],
  statusReplicas: ['status', 'replicas'],
  selector: (object) => selectorText(object.kind, (object as Selecting).spec?.selector),
};

interface Selecting extends KubeObject {
  readonly spec?: { readonly selector?: LabelSelector | Readonly<Record<string, string>> };
}

/** A ReplicationController's selector is a plain map. */
function selectorText(kind: string | undefined, selector: NonNullable<Selecting['spec']>['selector']): string {
  if (selector === undefined) return '';
  if (kind === 'ReplicationController') return matchLabels(selector as Readonly<Record<string, string>>).toString();
  return labelMatcher(selector).toString();
}

const known = new WeakMap<CustomResourceSubresourceScale, ScalePaths>();

export function scalePathsOf({ definition }: Pick<ResourceInfo, 'definition'>): ScalePaths {
  if (definition?.scale === undefined) return builtin;
  let paths = known.get(definition.scale);
  if (paths === undefined) known.set(definition.scale, (paths = customPaths(definition.scale)));
  return paths;
}

function customPaths(scale: CustomResourceSubresourceScale): ScalePaths {
  const { specReplicasPath: required, statusReplicasPath, labelSelectorPath } = scale;
  return {
    replicas: stepsOf(required),
    statusReplicas: stepsOf(statusReplicasPath),
    required,
    selector: (object) => {
      if (!labelSelectorPath) return '';
      const found = valueAt(object, stepsOf(labelSelectorPath));
      if (found !== undefined && typeof found !== 'string') throw wrongValue(labelSelectorPath, found, 'string');
      return found ?? '';
    },
  };
}

const stepsOf = (path: string): readonly string[] => path.replace(/^\./, '').split('.');

/** Undefined: nothing stands there. @throws StatusError InternalError where it is no whole number */
export function numberAt(object: KubeObject, path: readonly string[]): number | undefined {
  const found = valueAt(object, path);
  if (found === undefined || (typeof found === 'number' && Number.isInteger(found))) return found;
  throw wrongValue(`.${path.join('.')}`, found, 'int64');
}

function valueAt(object: KubeObject, path: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = object as unknown as JsonObject;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    value = Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

function wrongValue(path: string, value: JsonValue, wanted: string): Error {
  const is = value === null ? 'null' : typeof value;
  return internalError(
    new Error(`${path} accessor error: ${JSON.stringify(value)} is of the type ${is}, expected ${wanted}`),
  );
}

/** A copy of `object` with that number; what lies beside the way to it is shared. */
export function withNumberAt(object: JsonObject, [step = '', ...rest]: readonly string[], value: number): JsonObject {
  const copy: JsonObject = { ...object };
  const below = Object.hasOwn(object, step) ? object[step] : undefined;
  const isObject = typeof below === 'object' && below !== null && !Array.isArray(below);
  setKey(copy, step, rest.length === 0 ? value : withNumberAt(isObject ? below : {}, rest, value));
  return copy;
}
