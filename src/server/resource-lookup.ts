/** From what a URL names to what the API serves: is there such a resource, and does it take such a request? Pure. */
import type { ResourceTable } from '../api/resource-table.ts';
import type { ResourceInfo, SubresourceInfo, Verb } from '../api/resources.ts';
import { StatusError } from '../api/status-error.ts';
import type { ResourcePath } from './request-info.ts';

export const noSuchResource = (): StatusError =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

export const noSuchMethod = (): StatusError =>
  new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

/** @throws StatusError NotFound, MethodNotAllowed */
export function resolve(resources: ResourceTable, path: ResourcePath, verb: Verb | ''): ResourceInfo {
  const info = resources.find(path.group, path.version, path.resource);
  if (info === undefined || path.rest.length > 0 || !standsThere(info, path)) throw noSuchResource();
  const subresource = info.subresources.find(({ name }) => name === path.subresource);
  if (path.subresource !== '' && subresource === undefined) throw noSuchResource();
  if (verb === '' || !takes(subresource ?? info, verb) || !fitsPlace(info, path, verb)) throw noSuchMethod();
  return info;
}

/** Namespaced objects have a namespace in their URL, others none. */
function standsThere(info: ResourceInfo, path: ResourcePath): boolean {
  if (info.namespaced) return path.namespace !== '' || path.name === '';
  return path.namespace === '' || path.resource === 'namespaces';
}

function takes({ verbs }: Pick<ResourceInfo | SubresourceInfo, 'verbs'>, verb: Verb): boolean {
  return verbs.includes(verb);
}

/** Objects are created on the collection, changed by name; all namespaces at once can only be looked at. */
function fitsPlace(info: ResourceInfo, path: ResourcePath, verb: Verb): boolean {
  if (verb === 'create') return path.subresource === '' ? path.name === '' && namespaceGiven(info, path) : true;
  if (verb === 'deletecollection') return namespaceGiven(info, path);
  return path.name !== '' || verb === 'list' || verb === 'watch';
}

function namespaceGiven(info: ResourceInfo, path: ResourcePath): boolean {
  return !info.namespaced || path.namespace !== '';
}
