/** In which forms requests and answers travel, as the paths of OpenAPI tell it. */
import type { ResourceInfo } from '../resources.ts';
import { isCustomRow } from './custom-schemas.ts';

export interface MediaTypes {
  readonly sent: readonly string[];
  readonly patch: readonly string[];
  readonly answered: readonly string[];
  /** Of lists and watches, beside those. */
  readonly streams: readonly string[];
}

/** Of what every server answers. */
export const mediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

const builtinMediaTypes: MediaTypes = {
  sent: ['*/*'],
  patch: [
    'application/apply-patch+yaml',
    'application/json-patch+json',
    'application/merge-patch+json',
    'application/strategic-merge-patch+json',
  ],
  answered: mediaTypes,
  streams: ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'],
};

/** No protobuf, and no patch that needs Go's types. */
const customMediaTypes: MediaTypes = {
  sent: ['application/json', 'application/yaml'],
  patch: ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml'],
  answered: ['application/json', 'application/yaml'],
  streams: [],
};

export function mediaTypesOf(row: ResourceInfo): MediaTypes {
  return isCustomRow(row) ? customMediaTypes : builtinMediaTypes;
}
