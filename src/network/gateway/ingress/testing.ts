/** For tests: Ingresses and what they need, in few words, and what becomes of a request. */
import type { ObjectReference } from '../../../api/object.ts';
import type { Service } from '../../../api/schema/types/core-v1.ts';
import type { Ingress, IngressClass, IngressSpec } from '../../../api/schema/types/networking-v1.ts';
import type { Server } from '../plan.ts';
import { evaluate, type PlanRequest } from '../testing.ts';
import type { CertificateFacts, Contribution, Found, TranslatorSources } from '../translator.ts';
import { translateIngresses } from './translate.ts';

export const ownClass: IngressClass = { metadata: { name: 'naru' }, spec: { controller: 'naru.io/ingress' } };

export interface Wanted {
  readonly namespace?: string;
  readonly name?: string;
  readonly age?: number;
  /** `example.com/path` → `service:port`; a path that begins with `=` is exact. */
  readonly rules?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: IngressSpec;
}

/** Annotations without a prefix are ingress-nginx'. */
export function makeIngress({
  namespace = 'default',
  name = 'web',
  age = 1,
  rules = {},
  annotations = {},
  spec = {},
}: Wanted): Ingress {
  const named = Object.entries(annotations).map(([key, value]) => [
    key.includes('/') ? key : `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  return {
    metadata: {
      namespace,
      name,
      creationTimestamp: new Date(age * 1000).toISOString(),
      annotations: Object.fromEntries(named),
    },
    spec: { ingressClassName: 'naru', rules: Object.entries(rules).map(ruleOf), ...spec },
  };
}

function ruleOf([where, to]: readonly [string, string]): NonNullable<IngressSpec['rules']>[number] {
  const slash = where.indexOf('/');
  const [host, path] = slash < 0 ? [where, '/'] : [where.slice(0, slash), where.slice(slash)];
  const isExact = host.endsWith('=');
  const name = isExact ? host.slice(0, -1) : host;
  const http = {
    paths: [{ path, pathType: isExact ? ('Exact' as const) : ('Prefix' as const), backend: backendOf(to) }],
  };
  return { ...(name !== '' && { host: name }), http };
}

export function backendOf(text: string): { readonly service: { readonly name: string; readonly port: object } } {
  const [name = '', port = '80'] = text.split(':');
  return { service: { name, port: /^\d+$/.test(port) ? { number: Number(port) } : { name: port } } };
}

export interface World {
  readonly services?: readonly Service[];
  /** By the Service's name; one server each where absent. */
  readonly servers?: Readonly<Record<string, readonly Server[]>>;
  readonly certificates?: Readonly<Record<string, Found<CertificateFacts>>>;
  readonly authorities?: Readonly<Record<string, Found<string>>>;
  readonly users?: Readonly<Record<string, Found<readonly string[]>>>;
  readonly classes?: readonly IngressClass[];
}

/** A Service `x` with the ports 80 (`http`) and 8080 (`metrics`) for each name that is no other. */
export function makeService(name: string, spec: Service['spec'] = {}): Service {
  const ports = [
    { name: 'http', port: 80 },
    { name: 'metrics', port: 8080 },
  ];
  return { metadata: { namespace: 'default', name }, spec: { clusterIP: '10.43.0.7', ports, ...spec } };
}

export const aServer: Server = { address: '10.42.0.5', port: 8000, isDraining: false };

export function found(names: readonly string[], more: Partial<CertificateFacts> = {}): Found<CertificateFacts> {
  const facts = { id: `default/${names[0] ?? ''}`, pem: `PEM of ${names.join()}`, notBeforeMs: 0, notAfterMs: 1e15 };
  return { kind: 'found', value: { ...facts, names, ...more } };
}

const missing = { kind: 'missing' } as const;

export function sourcesOf(world: World): TranslatorSources {
  const services = new Map(
    (world.services ?? ['web', 'api', 'new'].map((name) => makeService(name))).map((one) => [one.metadata?.name, one]),
  );
  const named = <T>(all: Readonly<Record<string, Found<T>>> | undefined, { name }: ObjectReference): Found<T> =>
    all?.[name] ?? missing;
  return {
    services: {
      find: ({ name }) => services.get(name),
      servers: ({ name }) => world.servers?.[name] ?? [aServer],
    },
    named: {
      certificate: (reference) => named(world.certificates, reference),
      authorities: (_, reference) => named(world.authorities, reference),
      users: (reference) => named(world.users, reference),
    },
    nowMs: 1e12,
    defaultCertificate: { serverName: '*', id: 'default', pem: 'PEM of the default' },
  };
}

export function translated(ingresses: readonly Ingress[], world: World = {}): Contribution {
  return translateIngresses({ ingresses, classes: world.classes ?? [ownClass] }, sourcesOf(world));
}

/** `https://example.com/path` → what becomes of it, in one line. */
export function outcome(plan: Contribution, url: string, more: PlanRequest = {}): string {
  const { protocol, host, pathname, search } = new URL(url);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const result = evaluate(plan, { scheme, host, path: `${pathname}${search}`, ...more });
  switch (result.kind) {
    case 'refused':
      return 'refused';
    case 'respond':
      return `${result.status}${result.body === undefined ? '' : ` ${result.body}`}`;
    case 'redirect':
      return `${result.status} ${result.location}`;
    case 'forward': {
      const shares = Object.entries(result.shares).map(([backend, share]) => {
        const name = backend.replace(/^ingress\/default\//, '').replace(/~.*/, '');
        return share === 1 ? name : `${name} ${Math.round(share * 1000) / 10}%`;
      });
      return `${shares.join(' ')} ${result.path}${result.host === host ? '' : ` as ${result.host}`}`;
    }
  }
}

export const problemsOf = ({ problems }: Contribution): readonly string[] =>
  problems.map(({ source, reason, message }) => `${source.name} ${reason}: ${message}`);
