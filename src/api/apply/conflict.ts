/** What an applier wants to change and others own: upstream's 409, byte for byte. */
import { goQuote } from '../field-error.ts';
import { StatusError } from '../status-error.ts';
import { FieldSet, FieldSetBuilder } from './field-set.ts';
import { type Managed, managerKey } from './managed-fields.ts';
import { compareText, type Path, pathText } from './path-element.ts';

export interface Conflict {
  readonly owner: Managed;
  readonly path: Path;
}

/** The applier may insist (`force`), or be found to own the fields by other means. */
export class ConflictsError extends Error {
  override name = 'ConflictsError';
  /** Grouped by manager, in the order of their keys. */
  readonly conflicts: readonly Conflict[];

  constructor(conflicts: readonly Conflict[]) {
    super('conflicts');
    this.conflicts = conflicts;
  }

  static of(sets: Iterable<readonly [owner: Managed, set: FieldSet]>): ConflictsError {
    const sorted = [...sets].sort(([a], [b]) => compareText(managerKey(a), managerKey(b)));
    return new ConflictsError(sorted.flatMap(([owner, set]) => [...set].map((path) => ({ owner, path }))));
  }

  get set(): FieldSet {
    const set = new FieldSetBuilder();
    for (const { path } of this.conflicts) set.add(path);
    return set.build();
  }

  without(allowed: FieldSet): ConflictsError {
    return new ConflictsError(this.conflicts.filter(({ path }) => !allowed.has(path)));
  }

  toStatusError(): StatusError {
    const causes = this.conflicts.map(({ owner, path }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with ${ownerText(owner)}`,
      field: pathText(path),
    }));
    return new StatusError(409, 'Conflict', conflictMessage(this.conflicts), { causes }, { cause: this });
  }
}

function conflictMessage(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${ownerText(first.owner)}: ${pathText(first.path)}`;
  }
  const lines = conflicts.flatMap(({ owner, path }, i) => [
    ...(owner === conflicts[i - 1]?.owner ? [] : [`conflicts with ${ownerText(owner)}:`]),
    `- ${pathText(path)}`,
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** `"kubectl" with subresource "status" using apps/v1`: the version only of those who do not apply. */
function ownerText({ manager, operation, apiVersion, subresource }: Managed): string {
  const name = goQuote(manager) + (subresource === '' ? '' : ` with subresource ${goQuote(subresource)}`);
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
