/**
 * An Ingress as the translation sees it, and what the translation gathers on its way: backends and problems.
 */
import type { ObjectReference } from '../../../api/object.ts';
import type { Ingress } from '../../../api/schema/types/networking-v1.ts';
import type { Backend, Source } from '../plan.ts';
import type { Found, Problem, TranslatorSources } from '../translator.ts';
import { type Annotations, type ReadAnnotations, readAnnotations } from './annotations.ts';

export interface ReadIngress {
  readonly ingress: Ingress;
  readonly source: Source;
  readonly values: Annotations;
  readonly isClosed: boolean;
}

/** By the object that holds them, which is frozen: a plan is made again with each endpoint that changes, and annotations change seldom. */
const readBefore = new WeakMap<object, ReadAnnotations>();

function annotationsOf(annotations: Readonly<Record<string, string>>): ReadAnnotations {
  const known = readBefore.get(annotations) ?? readAnnotations(annotations);
  readBefore.set(annotations, known);
  return known;
}

export class Work {
  readonly sources: TranslatorSources;
  readonly backends = new Map<string, Backend>();
  readonly problems: Problem[] = [];
  readonly #told = new Set<string>();

  constructor(sources: TranslatorSources) {
    this.sources = sources;
  }

  read(ingress: Ingress): ReadIngress {
    const { namespace = '', name = '', annotations = {}, creationTimestamp: created } = ingress.metadata ?? {};
    const source: Source = { kind: 'Ingress', namespace, name, ...(created !== undefined && { created }) };
    const { values, problems, isClosed } = annotationsOf(annotations);
    for (const message of problems) this.tell(source, 'BadAnnotation', message);
    return { ingress, source, values, isClosed };
  }

  tell(source: Source, reason: string, message: string): void {
    const key = `${source.namespace}/${source.name} ${message}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.problems.push({ source, reason, message });
  }

  /** The value of what was found; else the problem is told, save while it is not known yet. */
  take<T>(found: Found<T>, { source }: ReadIngress, what: string, reference: ObjectReference): T | undefined {
    switch (found.kind) {
      case 'found':
        return found.value;
      case 'pending':
        return undefined;
      case 'missing':
        this.tell(source, 'SecretNotFound', `${what}: there is no Secret ${reference.name} in ${reference.namespace}`);
        return undefined;
      case 'bad':
        this.tell(source, 'BadSecret', `${what}: Secret ${reference.name} cannot be used: ${found.why}`);
        return undefined;
    }
  }
}
