/**
 * Which Ingresses are the cluster's own gateway's business, and which Secrets they name. Pure. Shared by the gateway, which serves them, and the node
 * authorizer, which lets nodes read those Secrets and no others.
 *
 * Kept true: a name that another namespace is written before (`other/name`) is no reference. Whoever may write Ingresses in one namespace would else have
 * the Secrets of all of them read.
 */
import type { Ingress, IngressClass } from './schema/types/networking-v1.ts';

/** `spec.controller` of the classes that the cluster's own gateway serves. */
export const ingressController = 'naru.io/ingress';
/** The class that is there from the start, and the default. */
export const ownIngressClass = 'naru';
/**
 * A class that most charts name. Its Ingresses are served as our own as long as no IngressClass has this name: whoever brings another controller brings
 * its class along, and takes them over.
 */
export const borrowedIngressClass = 'nginx';

const classAnnotation = 'kubernetes.io/ingress.class';

/** In this order: where both say something, the first counts. */
export const annotationPrefixes = ['naru.io/', 'nginx.ingress.kubernetes.io/'] as const;

const secretAnnotations = ['auth-secret', 'auth-tls-secret', 'proxy-ssl-secret'] as const;

export type FindIngressClass = (name: string) => IngressClass | undefined;

/** The field, or the annotation of before there was one. */
export function ingressClassName({ metadata, spec }: Ingress): string | undefined {
  return spec?.ingressClassName ?? metadata?.annotations?.[classAnnotation];
}

export function isServedIngress(ingress: Ingress, find: FindIngressClass): boolean {
  const name = ingressClassName(ingress);
  if (name === undefined) return false;
  const found = find(name);
  if (found !== undefined) return found.spec?.controller === ingressController;
  return name === ownIngressClass || name === borrowedIngressClass;
}

/** The names of the Secrets in its own namespace that an Ingress may need: of its hosts, its users, its clients, its servers. */
export function ingressSecretNames(ingress: Ingress): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { secretName } of ingress.spec?.tls ?? []) if (secretName) names.add(secretName);
  const { annotations = {}, namespace = '' } = ingress.metadata ?? {};
  for (const prefix of annotationPrefixes) {
    for (const annotation of secretAnnotations) {
      const name = nameWithin(namespace, annotations[`${prefix}${annotation}`] ?? '');
      if (name !== undefined) names.add(name);
    }
  }
  return names;
}

/** `name` or `namespace/name`; undefined where it is of another namespace, or no name at all. */
export function nameWithin(namespace: string, text: string): string | undefined {
  const parts = text.trim().split('/');
  const name = parts.at(-1) ?? '';
  const isOwn = parts.length === 1 || (parts.length === 2 && parts[0] === namespace);
  return isOwn && name !== '' ? name : undefined;
}
