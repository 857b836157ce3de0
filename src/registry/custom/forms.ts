/**
 * The forms of one custom kind's objects: as they lie in the store, and as one version shows them.
 *
 * ```
 *  stored, in some version ─▶ fields and defaults of that version's schema ─▶ converted ─▶ fields of the asked version's schema ─▶ shown
 *  written, with defaults, in the asked version ─▶ converted ─▶ fields and defaults of the storage version's schema ─▶ stored
 * ```
 * Upstream adds the last defaults when it reads, with the same outcome until the schema changes: here what lies in the store can be sent as it is.
 * All work on an object of a custom kind is done in the version that was asked for; the storage version is met only at the store.
 *
 * Kept true: what was written since the definition is as it is, in the version that is asked for, is shown as it lies there, with its bytes
 * (`isShared`). All else is made once, and kept as long as its entry. Where only a webhook can convert, `prepare` has to be awaited before an
 * entry is shown; it is undefined where there is nothing to wait for.
 */
import type { CustomDefinition } from '../../api/custom-definition.ts';
import { conformed, pruned } from '../../api/decode.ts';
import type { JsonObject, KubeObject } from '../../api/object.ts';
import { apiVersionOf, type ResourceInfo } from '../../api/resources.ts';
import { deepFreeze } from '../../lib/deep-freeze.ts';
import type { Entry } from '../../store/store.ts';
import type { ObjectDraft } from '../draft.ts';
import type { Converter } from './conversion.ts';
import { ConversionDue } from './conversion-due.ts';

const aheadMax = 32;

export class CustomForms {
  readonly apiVersion: string;
  readonly storageApiVersion: string;
  readonly #definition: CustomDefinition;
  readonly #converter: Converter;
  /** Everything that is stored is in the version that is asked for. */
  readonly #onlyVersion: boolean;
  readonly #shown = new WeakMap<Entry, KubeObject>();
  /** Objects in other versions, by their JSON, that somebody is about to need in this one. */
  readonly #ahead = new Map<string, KubeObject>();

  constructor(info: ResourceInfo, definition: CustomDefinition, converter: Converter) {
    this.#definition = definition;
    this.#converter = converter;
    this.apiVersion = apiVersionOf(info);
    this.storageApiVersion = apiVersionOf({ group: info.group, version: info.storageVersion });
    const stored = definition.outline.status?.storedVersions ?? [];
    this.#onlyVersion = stored.length === 1 && stored[0] === info.version && info.storageVersion === info.version;
  }

  /** The entry's bytes are what the client asked for. As `shown`. */
  isShared(entry: Entry): boolean {
    return this.#isAsWritten(entry) || this.shown(entry) === entry.object;
  }

  #isAsWritten({ revision }: Entry): boolean {
    return this.#onlyVersion && revision > this.#definition.history.since;
  }

  /** As the version asked for shows it, frozen. Where `prepare` had to be awaited, it was. */
  shown(entry: Entry): KubeObject {
    if (this.#isAsWritten(entry)) return entry.object;
    const known = this.#shown.get(entry);
    if (known !== undefined) return known;
    const made = this.#make(entry.object);
    if (made instanceof Promise) throw new Error(`${entry.key.name} is shown before it was converted`);
    this.#shown.set(entry, made);
    return made;
  }

  /** Undefined: all of them can be shown at once. @throws StatusError InternalError where a webhook fails */
  prepare(entries: readonly Entry[]): Promise<void> | undefined {
    if (this.#onlyVersion || this.#converter.isImmediate) return undefined;
    const due = entries.filter((entry) => !this.#isKnown(entry));
    return due.length === 0 ? undefined : this.#convertAll(due);
  }

  #isKnown(entry: Entry): boolean {
    return this.#shown.has(entry) || entry.object.apiVersion === this.apiVersion;
  }

  async #convertAll(entries: readonly Entry[]): Promise<void> {
    const objects = entries.map(({ object }) => this.#conformed(object));
    const converted = await this.#converter.convert(objects, this.apiVersion);
    for (const [index, entry] of entries.entries()) {
      const object = converted[index];
      if (object !== undefined) this.#shown.set(entry, this.#pruned(object));
    }
  }

  /** An object of any version, in the one asked for. A promise where a webhook is asked. */
  from(object: KubeObject): KubeObject | Promise<KubeObject> {
    return object.apiVersion === this.apiVersion ? object : this.#make(object);
  }

  /** As `from`, at once. @throws ConversionDue where a webhook has to be asked first: see `withConversions` */
  fromNow(object: KubeObject): KubeObject {
    if (object.apiVersion === this.apiVersion) return object;
    if (this.#converter.isImmediate) return this.#make(object) as KubeObject;
    const text = JSON.stringify(object);
    const known = this.#ahead.get(text);
    if (known !== undefined) return known;
    throw new ConversionDue(async () => {
      const made = await this.#make(object);
      // Who needs it asks again in the next turn: a few are enough.
      if (this.#ahead.size >= aheadMax) this.#ahead.clear();
      this.#ahead.set(text, made);
    });
  }

  /** As it is to be stored. Takes the draft over. */
  toStorage(draft: ObjectDraft): ObjectDraft | Promise<ObjectDraft> {
    if (draft.apiVersion === this.storageApiVersion) return draft;
    const converted = this.#converter.convert([draft], this.storageApiVersion);
    if (converted instanceof Promise) return converted.then(([object]) => this.#toDraft(object));
    return this.#toDraft(converted[0]);
  }

  #toDraft(object: KubeObject | undefined): ObjectDraft {
    return this.#conformed(object as KubeObject) as ObjectDraft;
  }

  #make(object: KubeObject): KubeObject | Promise<KubeObject> {
    const conforming = this.#conformed(object);
    if (conforming.apiVersion === this.apiVersion) return conforming;
    const converted = this.#converter.convert([conforming], this.apiVersion);
    if (converted instanceof Promise) return converted.then(([first]) => this.#pruned(first as KubeObject));
    return this.#pruned(converted[0] as KubeObject);
  }

  /** With the fields that its version's schema knows, and with the defaults. The object itself where it is so. */
  #conformed(object: KubeObject): KubeObject {
    return this.#by(conformed, object);
  }

  /** A converted object, without fields that its version's schema does not know. */
  #pruned(object: KubeObject): KubeObject {
    return this.#by(pruned, object);
  }

  #by(made: typeof conformed, object: KubeObject): KubeObject {
    const { apiVersion = '' } = object;
    const structural = this.#definition.structuralIn(apiVersion.slice(apiVersion.indexOf('/') + 1));
    if (structural === undefined) return deepFreeze(object);
    return deepFreeze(made(structural, object as unknown as JsonObject) as unknown as KubeObject);
  }
}
