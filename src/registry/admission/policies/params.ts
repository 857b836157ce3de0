/**
 * Which objects a binding hands to its policy as `params` (`paramKind`, `paramRef`), in the version that the policy named.
 *
 * Kept true: they are read from the store at each request, so that a change counts at once.
 */
import type { KubeObject } from '../../../api/object.ts';
import type { ResourceInfo } from '../../../api/resources.ts';
import type { ParamKind, ParamRef } from '../../../api/schema/types/admissionregistration-v1.ts';
import { labelMatcher } from '../../../api/selector.ts';
import type { Entry, Store } from '../../../store/store.ts';
import type { Environment } from '../../environment.ts';
import { prepareEntries, shownEntry } from '../../served-resource.ts';

/** A policy or a binding cannot be carried out as it is written; `failurePolicy` says what that means. */
export class ConfigurationFault extends Error {
  override name = 'ConfigurationFault';
}

export type ParamsEnvironment = Pick<Environment, 'served' | 'resources' | 'store'>;

/** The resource whose objects are parameters; undefined where the policy takes none. @throws ConfigurationFault */
export function paramRow({ resources }: ParamsEnvironment, kind: ParamKind | undefined): ResourceInfo | undefined {
  if (kind === undefined) return undefined;
  const slash = kind.apiVersion?.indexOf('/') ?? -1;
  const group = slash < 0 ? '' : (kind.apiVersion?.slice(0, slash) ?? '');
  const version = kind.apiVersion?.slice(slash + 1) ?? '';
  const row = resources.byKind({ group, version, kind: kind.kind ?? '' });
  if (row !== undefined) return row;
  throw new ConfigurationFault(
    `failed to find resource referenced by paramKind: '${group}/${version}, Kind=${kind.kind}'`,
  );
}

/**
 * One evaluation for each: `undefined` stands for none, of policies without parameters. Empty: the binding does nothing.
 * @throws ConfigurationFault
 */
export async function collectParams(
  environment: ParamsEnvironment,
  row: ResourceInfo | undefined,
  reference: ParamRef | undefined,
  requestNamespace: string,
): Promise<readonly (KubeObject | undefined)[]> {
  if (row === undefined || reference === undefined) return [undefined];
  const namespace = paramNamespace(row, reference, requestNamespace);
  const found = await select(environment, row, reference, namespace);
  if (found.length === 0 && reference.parameterNotFoundAction === 'Deny') {
    throw new ConfigurationFault('no params found for policy binding with `Deny` parameterNotFoundAction');
  }
  return found;
}

function paramNamespace(row: ResourceInfo, { namespace }: ParamRef, requestNamespace: string): string {
  if (!row.namespaced) {
    if (!namespace) return '';
    throw new ConfigurationFault('paramRef.namespace must not be provided for a cluster-scoped `paramKind`');
  }
  if (namespace) return namespace;
  if (requestNamespace !== '') return requestNamespace;
  throw new ConfigurationFault(
    'cannot use namespaced paramRef in policy binding that matches cluster-scoped resources',
  );
}

async function select(
  { served: all, store }: ParamsEnvironment,
  row: ResourceInfo,
  { name, selector }: ParamRef,
  namespace: string,
): Promise<KubeObject[]> {
  const served = all.of(row);
  const entries = entriesOf(store, served.collection, namespace, name).filter(
    ({ object }) => name || selector === undefined || labelMatcher(selector).matches(object.metadata?.labels),
  );
  const due = prepareEntries(served, entries);
  if (due !== undefined) await due;
  return entries.map((entry) => shownEntry(served, entry).object);
}

function entriesOf(store: Store, collection: string, namespace: string, name: string | undefined): readonly Entry[] {
  if (!name) return store.list(collection, namespace).entries;
  const entry = store.get({ collection, namespace, name });
  return entry === undefined ? [] : [entry];
}
