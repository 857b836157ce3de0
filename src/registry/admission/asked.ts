/**
 * What a request asks, for those outside the built-in plugins (webhooks and policies): the same write in each version in which its objects
 * are served, made when somebody wants it so, and the way back from such a version into what will be stored.
 *
 * ```
 *  draft (stored version) ── as(form) ──▶ AdmissionAttributes in the form's version ──▶ webhook, policy
 *       ▲                                                                                  │
 *       └────── defaults, conversion ◀── decode, prune ◀────────── replace(form, document) ◀┘
 * ```
 * Kept true: attributes are never changed, and stand until the draft changes; a draft that was replaced is as one that a client sent.
 */
import { normalizeObject } from '../../api/normalize.ts';
import type { JsonObject, KubeObject } from '../../api/object.ts';
import { apiVersionOf, groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { GroupVersionKind } from '../../api/schema/schema.ts';
import type { Scale } from '../../api/schema/types/autoscaling-v1.ts';
import { applySchemaDefaults } from '../../api/schema-defaults.ts';
import type { Labels } from '../../api/selector.ts';
import { internalError, notFound, StatusError } from '../../api/status-error.ts';
import { decodeBody } from '../decode-body.ts';
import { draftOf, type ObjectDraft, sameJson } from '../draft.ts';
import type { Environment } from '../environment.ts';
import type { UserInfo } from '../request.ts';
import { shown, toStored } from '../served-resource.ts';
import { scaleOf } from '../subresources/scale.ts';
import { scalePathsOf, withNumberAt } from '../subresources/scale-paths.ts';
import type { Admitted } from './admission.ts';
import type { AdmissionAttributes, GroupVersionResource } from './attributes.ts';

/** A version, and with it a kind, in which the objects of a request can be shown. */
export interface Form {
  readonly resource: GroupVersionResource;
  /** Of what the request writes: `Scale` for `/scale`. */
  readonly kind: GroupVersionKind;
  readonly row: ResourceInfo;
}

export type AskedEnvironment = Pick<Environment, 'served' | 'resources' | 'store'>;

/** Who writes, and how; `options` as the object that upstream sends along. */
export interface AskedRequest extends Admitted {
  readonly options: JsonObject | undefined;
  readonly dryRun: boolean;
}

export class Asked {
  readonly operation: AdmissionAttributes['operation'];
  readonly subresource: string;
  readonly own: Form;
  readonly dryRun: boolean;
  readonly user: UserInfo;
  /** What else is there: parameters of policies are read through it. */
  readonly environment: AskedEnvironment;
  readonly #request: AskedRequest;
  readonly #made = new Map<Form, Promise<AdmissionAttributes>>();
  #others: readonly Form[] | undefined;

  constructor(environment: AskedEnvironment, request: AskedRequest) {
    const { target, operation, dryRun } = request;
    this.environment = environment;
    this.#request = request;
    this.operation = operation;
    // `bindings` is served by itself, too.
    this.subresource = target.resource.resource === 'bindings' ? '' : target.subresource;
    this.own = formOf(target.resource, this.subresource);
    this.dryRun = dryRun;
    this.user = target.user;
  }

  /** Empty where the server is still to make it of `generateName`. */
  get name(): string {
    const { target, draft } = this.#request;
    return target.name || (draft?.metadata?.name ?? '');
  }

  /** Of a Namespace its own name. */
  get namespace(): string {
    const { target } = this.#request;
    return isNamespace(this.own) ? this.name : target.namespace;
  }

  /** Of the new object; undefined where there is none, or none that can have labels. */
  get labels(): Labels | undefined {
    const { draft } = this.#request;
    if (draft === undefined || this.operation === 'CONNECT') return undefined;
    return this.#isScale ? {} : (draft.metadata?.labels ?? {});
  }

  get oldLabels(): Labels | undefined {
    const { old } = this.#request;
    if (old === undefined) return undefined;
    return this.#isScale ? {} : (old.metadata?.labels ?? {});
  }

  /** Of the request's namespace; where a Namespace is written, as it is to be. @throws StatusError NotFound */
  namespaceLabels(): Labels {
    const isWritten = isNamespace(this.own) && this.subresource === '';
    if (isWritten && this.operation !== 'DELETE' && this.labels !== undefined) return this.labels;
    const { namespace: name } = this;
    const namespace = this.environment.store.get({ collection: 'namespaces', namespace: '', name })?.object;
    if (namespace === undefined) throw notFound({ group: '', kind: 'namespaces', name });
    return namespace.metadata?.labels ?? {};
  }

  /** The other forms of the same objects: other versions, other groups. */
  get others(): readonly Form[] {
    return (this.#others ??= this.#otherForms());
  }

  /** The write in that form. @throws StatusError where objects cannot be converted */
  as(form: Form): Promise<AdmissionAttributes> {
    let attributes = this.#made.get(form);
    if (attributes === undefined) this.#made.set(form, (attributes = this.#attributes(form)));
    return attributes;
  }

  /**
   * Takes `document`, in the form's version, in place of the object that is to be written: decoded, pruned, and with its defaults. True
   * where it is another object than the one that `as` showed.
   * @throws StatusError InternalError where it is no object of that kind
   */
  async replace(form: Form, document: JsonObject): Promise<boolean> {
    const { draft } = this.#request;
    if (draft === undefined) throw internalError(new Error('there is no object to change'));
    const { object: before } = await this.as(form);
    try {
      const { next, isSame } = await this.#decode(form, document, before, draft);
      if (!isSame) fill(draft, next);
      this.#made.clear();
      return !isSame;
    } catch (error) {
      throw error instanceof StatusError ? internalError(error) : error;
    }
  }

  async #decode(
    form: Form,
    document: JsonObject,
    before: KubeObject | undefined,
    draft: ObjectDraft,
  ): Promise<{ readonly next: ObjectDraft; readonly isSame: boolean }> {
    const { schema } = this.environment.served;
    const type = schema.kind(form.kind);
    if (type === undefined) throw notFound({ group: form.kind.group, kind: form.kind.kind, name: '' });
    const { apiVersion, kind } = typeMeta(form.kind);
    const { draft: decoded } = decodeBody({ apiVersion, kind, type }, document, { fieldValidation: 'Ignore' });
    const isSame = sameJson(normalizeObject(type, decoded as JsonObject), before);
    if (isSame) return { next: draft, isSame };
    if (this.#isScale) return { next: withReplicas(this.own.row, draft, decoded), isSame };
    if (!this.#showsObject) return { next: applySchemaDefaults(type, decoded as JsonObject), isSame };
    const next = await this.#workedOn(form, decoded);
    this.environment.served.of(this.own.row).strategy.setDefaults?.(next);
    return { next, isSame };
  }

  /** From the form's version into the one that the request is worked on in. */
  async #workedOn(form: Form, decoded: ObjectDraft): Promise<ObjectDraft> {
    const { forms } = this.environment.served.of(this.own.row);
    if (forms === undefined) return toStored(this.environment.served.of(form.row), decoded);
    return form.row === this.own.row ? decoded : draftOf((await forms.from(decoded as KubeObject)) as ObjectDraft);
  }

  get #isScale(): boolean {
    return this.subresource === 'scale';
  }

  /** The object itself is written, or a part of it, and not another kind. */
  get #showsObject(): boolean {
    return kindOf(this.own.row, this.subresource) === this.own.row;
  }

  #otherForms(): readonly Form[] {
    const { row } = this.own;
    return rowsBeside(this.environment, row)
      .filter((other) => this.subresource === '' || other.subresources.some(({ name }) => name === this.subresource))
      .map((other) => formOf(other, this.subresource));
  }

  async #attributes(form: Form): Promise<AdmissionAttributes> {
    const { draft, old, options } = this.#request;
    return {
      operation: this.operation,
      kind: form.kind,
      resource: form.resource,
      subresource: this.subresource,
      requestKind: this.own.kind,
      requestResource: this.own.resource,
      requestSubResource: this.subresource,
      name: this.name,
      namespace: this.namespace,
      object: draft && (await this.#show(form, draft, true)),
      oldObject: old && (await this.#show(form, old, false)),
      options,
      dryRun: this.dryRun,
      user: this.user,
    };
  }

  async #show(form: Form, object: KubeObject, isDraft: boolean): Promise<KubeObject> {
    const { served: all } = this.environment;
    if (!this.#showsObject && !this.#isScale) {
      const type = all.schema.kind(form.kind);
      const normal = type ? normalizeObject(type, object as JsonObject) : object;
      return { ...normal, ...typeMeta(form.kind) };
    }
    const { storedType } = all.of(this.own.row);
    const normal = isDraft ? (normalizeObject(storedType, object as JsonObject) as KubeObject) : object;
    if (this.#isScale) return scaleOf(normal, scalePathsOf(this.own.row));
    const served = all.of(form.row);
    if (served.forms === undefined || form.row === this.own.row) return shown(served, normal);
    return served.forms.from(isDraft ? draftOf(normal) : normal);
  }
}

const isNamespace = ({ row: { group, resource } }: Form): boolean => group === '' && resource === 'namespaces';

function kindOf(row: ResourceInfo, subresource: string): { group: string; version: string; kind: string } {
  return (subresource !== '' && row.subresources.find(({ name }) => name === subresource)?.kind) || row;
}

function formOf(row: ResourceInfo, subresource: string): Form {
  const { group, version, kind } = kindOf(row, subresource);
  return {
    resource: { group: row.group, version: row.version, resource: row.resource },
    kind: { group, version, kind },
    row,
  };
}

function typeMeta(kind: GroupVersionKind): { readonly apiVersion: string; readonly kind: string } {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind };
}

const tables = new WeakMap<object, ReadonlyMap<string, readonly ResourceInfo[]>>();

/** The other rows whose objects are stored in the same place. */
function rowsBeside({ resources }: AskedEnvironment, row: ResourceInfo): readonly ResourceInfo[] {
  const { current } = resources;
  let byPlace = tables.get(current);
  if (byPlace === undefined) tables.set(current, (byPlace = Map.groupBy(current.all, placeOf)));
  return (byPlace.get(placeOf(row)) ?? []).filter((other) => other !== row);
}

function placeOf(row: ResourceInfo): string {
  return groupResource(row.storedAs ?? row);
}

/** Everything else of the draft stays. */
function withReplicas(row: ResourceInfo, draft: ObjectDraft, scale: ObjectDraft): ObjectDraft {
  const replicas = (scale as Scale).spec?.replicas ?? 0;
  return withNumberAt(draft as JsonObject, scalePathsOf(row).replicas, replicas);
}

/** The draft is known by identity to those who asked. */
function fill(draft: ObjectDraft, next: ObjectDraft): void {
  for (const field of Object.keys(draft)) delete draft[field];
  Object.assign(draft, next);
}
