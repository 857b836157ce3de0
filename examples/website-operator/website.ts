/**
 * What a Website is, in both of its versions. The types that the rest of the program uses are inferred from these schemas, and the cluster gets the
 * CustomResourceDefinition made of them.
 */
import { conditionsSchema, conversion, defineKind, definitionOf, type KubeObject, type ObjectOf } from 'naru/operator';

const group = 'example.com';

export const websites = defineKind({
  group,
  version: 'v1',
  kind: 'Website',
  shortNames: ['site'],
  description: 'A website: its pages or its image, served under its host.',
  spec: {
    type: 'object',
    required: ['host'],
    properties: {
      host: { type: 'string', description: 'The name that visitors use.', minLength: 1, maxLength: 253 },
      image: { type: 'string', description: 'An image that serves HTTP on port 80; nginx where only pages are given.' },
      pages: {
        type: 'object',
        description: 'Files by their names: index.html and others.',
        maxProperties: 100,
        additionalProperties: { type: 'string' },
      },
      replicas: { type: 'integer', minimum: 0, maximum: 100, default: 1 },
    },
    'x-kubernetes-validations': [
      { rule: 'has(self.image) != has(self.pages)', message: 'give either an image or pages' },
      { rule: 'self.host == oldSelf.host', message: 'a website keeps its host', fieldPath: '.host' },
    ],
  },
  status: {
    type: 'object',
    properties: { url: { type: 'string' }, readyReplicas: { type: 'integer' }, conditions: conditionsSchema },
  },
  columns: [
    { name: 'URL', type: 'string', jsonPath: '.status.url' },
    { name: 'Ready', type: 'integer', jsonPath: '.status.readyReplicas' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.readyReplicas' },
  selectableFields: ['.spec.host'],
});
export type Website = ObjectOf<typeof websites>;

/** How it began: one page, and the name was called `domain`. */
export const firstWebsites = defineKind({
  group,
  version: 'v1alpha1',
  kind: 'Website',
  spec: {
    type: 'object',
    required: ['domain'],
    properties: {
      domain: { type: 'string' },
      html: { type: 'string' },
      image: { type: 'string' },
      pages: { type: 'object', additionalProperties: { type: 'string' } },
      replicas: { type: 'integer', default: 1 },
    },
  },
  status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  deprecationWarning: 'example.com/v1alpha1 Website is deprecated; use example.com/v1 Website',
});
type FirstWebsite = ObjectOf<typeof firstWebsites>;

/** Nothing gets lost on the way there and back: what has no place in the older version stays under its own name. */
export function convert(object: KubeObject, version: string): KubeObject {
  if (version === 'v1') {
    const { domain, html, pages, ...spec } = (object as FirstWebsite).spec;
    const all = html === undefined ? pages : { ...pages, 'index.html': html };
    return { ...object, spec: { ...spec, host: domain, ...(all && { pages: all }) } } as KubeObject;
  }
  const { host, pages, ...spec } = (object as Website).spec;
  const { 'index.html': html, ...others } = pages ?? {};
  const rest = Object.keys(others).length > 0 ? { pages: others } : {};
  return { ...object, spec: { ...spec, domain: host, ...(html !== undefined && { html }), ...rest } } as KubeObject;
}

export const convertWebsites = conversion('/convert-websites', convert);

export const service = (namespace: string) => ({ namespace, name: 'website-operator' });

/** `caBundle` is filled in by the running operator. */
export const websiteDefinition = (namespace: string) =>
  definitionOf([websites, firstWebsites], {
    strategy: 'Webhook',
    webhook: {
      conversionReviewVersions: ['v1'],
      clientConfig: { service: { ...service(namespace), path: convertWebsites.path } },
    },
  });
