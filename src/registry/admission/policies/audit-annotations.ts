/** What one policy notes in the audit log: by key, the distinct values of all its bindings and parameters. */
import { limits } from '../../../lib/limits.ts';
import type { AdmissionRequest } from '../admission.ts';

export class AuditAnnotations {
  readonly #policy: string;
  readonly #values = new Map<string, Set<string>>();

  constructor(policy: string) {
    this.#policy = policy;
  }

  add(key: string, value: string): void {
    let values = this.#values.get(key);
    if (values === undefined) this.#values.set(key, (values = new Set()));
    values.add(cut(value));
  }

  publish({ annotate }: Pick<AdmissionRequest, 'annotate'>): void {
    for (const [key, values] of this.#values) annotate(`${this.#policy}/${key}`, [...values].join(', '));
  }
}

/** No character is left in half. */
function cut(value: string): string {
  const bytes = Buffer.from(value);
  if (bytes.length <= limits.policyAnnotationBytesMax) return value;
  return bytes
    .subarray(0, limits.policyAnnotationBytesMax)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}
