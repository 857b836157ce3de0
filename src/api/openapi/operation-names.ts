/** What OpenAPI calls operations and their groups: generated clients make their methods of these names. */
import type { Action } from './parameters.ts';

export function capitalized(text: string): string {
  return text.replace(/^./, (letter) => letter.toUpperCase());
}

export function uncapitalized(text: string): string {
  return text.replace(/^./, (letter) => letter.toLowerCase());
}

/** `Core`, `RbacAuthorization`. */
export function groupWord(group: string): string {
  const words = (group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')).split(/[.-]/);
  return words.map(capitalized).join('');
}

/** `CoreV1`, `RbacAuthorizationV1`. */
export function groupVersionWord({ group, version }: { readonly group: string; readonly version: string }): string {
  return `${groupWord(group)}${capitalized(version)}`;
}

/** `core_v1`, `rbacAuthorization_v1`. */
export function tagOf({ group, version }: { readonly group: string; readonly version: string }): string {
  return `${uncapitalized(groupWord(group))}_${version}`;
}

const actionWords: Readonly<Record<Action, string>> = {
  get: 'read',
  list: 'list',
  watch: 'watch',
  watchlist: 'watch',
  post: 'create',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
  connect: 'connect',
};

/** `readAppsV1NamespacedDeploymentScale`. */
export function operationId(
  action: Action,
  { row, suffix }: { readonly row: { readonly group: string; readonly version: string }; readonly suffix: string },
  method: string,
): string {
  const verb = action === 'connect' ? capitalized(method) : action === 'deletecollection' ? 'Collection' : '';
  return `${actionWords[action]}${groupVersionWord(row)}${verb}${suffix}`;
}
