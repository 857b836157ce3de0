/**
 * What a translator (`ingress/`, `routes/`) makes of the objects of its kinds, and what it asks of the rest of the API. A translator is a pure function of
 * these sources as they are at the moment: it reads them and keeps nothing.
 */
import type { ObjectReference } from '../../api/object.ts';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { NetworkContext } from '../context.ts';
import type { Backend, Certificate, Entry, Server, Source } from './plan.ts';

/** Part of a plan: `merge.ts` joins those of all translators. */
export interface Contribution {
  readonly entries: readonly Entry[];
  readonly backends: ReadonlyMap<string, Backend>;
  readonly problems: readonly Problem[];
}

/** What an object asks for in vain. The rest of it, and all others, are served all the same. */
export interface Problem {
  readonly source: Source;
  /** One word in UpperCamelCase, the reason of an event. */
  readonly reason: string;
  /** What, where in the object, why. */
  readonly message: string;
}

export interface ServiceSource {
  find(reference: ObjectReference): Service | undefined;
  /** Where requests for a port of a Service go, by the port's name (empty: the one without). Pods that drain are among them, marked. */
  servers(reference: ObjectReference, portName: string): readonly Server[];
}

/** An object that is looked for by name. `pending`: not known yet, and a change will be told. */
export type Found<T> =
  | { readonly kind: 'pending' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'bad'; readonly why: string }
  | { readonly kind: 'found'; readonly value: T };

/** A certificate of a Secret of type `kubernetes.io/tls`, checked: the key fits, and the chain can be read. */
export interface CertificateFacts {
  /** `namespace/name` of the Secret. */
  readonly id: string;
  /** Private key and chain. */
  readonly pem: string;
  /** DNS names, lower case, wildcards among them. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Secrets and ConfigMaps by name. What is asked for is followed from then on. */
export interface NamedObjectSource {
  certificate(reference: ObjectReference): Found<CertificateFacts>;
  /** Certificates of authorities (PEM), from the key `ca.crt`. */
  authorities(kind: 'Secret' | 'ConfigMap', reference: ObjectReference): Found<string>;
  /** Lines of htpasswd: the file in the key `auth`, or each key a user and its value the hash. */
  users(reference: ObjectReference, form: 'auth-file' | 'auth-map'): Found<readonly string[]>;
}

export interface TranslatorSources {
  readonly services: ServiceSource;
  readonly named: NamedObjectSource;
  readonly nowMs: number;
  /** For server names without a certificate, where a translator wants one for those (`serverName: '*'`): the one of the settings, or a self-signed one. */
  readonly defaultCertificate: Certificate;
}

/** What `gateway-part.ts` is made from: one for Ingresses, one for Gateways. */
export interface Translator {
  readonly name: string;
  /** Follows the objects of its kinds (through `context.informers`), and calls `changed` whenever `translate` may say something else. */
  open(context: NetworkContext, changed: () => void): OpenTranslator;
}

export interface OpenTranslator {
  /** All that it reads is known: before, nothing is made of it, and what runs stays as it is. */
  readonly isSynced: boolean;
  /** There is something of ours: HAProxy is started with the first. */
  readonly isActive: boolean;
  /** Pure in what it follows and in `sources`. */
  translate(sources: TranslatorSources): Contribution;
  close(): void;
}
