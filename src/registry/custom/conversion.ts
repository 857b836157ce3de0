/**
 * From one version of a custom kind to another: by name alone, or by asking its webhook (`ConversionReview`).
 *
 * Kept true: objects come back in the order in which they were given, each the same object by its name and uid, in the version wanted, with the
 * metadata that it had but for labels and annotations. A webhook that answers otherwise has failed.
 */
import type { CustomDefinition } from '../../api/custom-definition.ts';
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';
import { isObject } from '../../api/patch/json-tree.ts';
import type { WebhookConversion } from '../../api/schema/types/apiextensions-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { type Prng, uuid } from '../../lib/prng.ts';
import type { OutsideCaller, OutsideTarget } from '../outside.ts';
import { withMetadataOf } from './converted-metadata.ts';

export interface Converter {
  /** Nobody outside is asked. */
  readonly isImmediate: boolean;
  /** Frozen or not, as they come. @throws StatusError InternalError */
  convert(objects: readonly KubeObject[], apiVersion: string): readonly KubeObject[] | Promise<readonly KubeObject[]>;
}

/** How webhooks are reached. */
export interface ConversionMeans {
  readonly outside?: OutsideCaller | undefined;
  /** For the uids of reviews. */
  readonly prng: Prng;
}

/** As upstream. */
const timeoutMs = 30_000;
/** Objects of one review: more are asked about one review after another. */
const objectsMax = 200;

/** Versions that have the same fields. */
const byName: Converter = {
  isImmediate: true,
  convert: (objects, apiVersion) => objects.map((object) => ({ ...object, apiVersion })),
};

export function converterFor({ outline }: CustomDefinition, means: ConversionMeans): Converter {
  const { strategy, webhook } = outline.spec.conversion ?? {};
  return strategy === 'Webhook' && webhook !== undefined ? new WebhookConverter(webhook, means) : byName;
}

class WebhookConverter implements Converter {
  readonly isImmediate = false;
  readonly #reviewVersion: string | undefined;
  readonly #target: OutsideTarget;
  readonly #means: ConversionMeans;

  constructor(webhook: WebhookConversion, means: ConversionMeans) {
    this.#reviewVersion = webhook.conversionReviewVersions?.find((version) => reviewVersions.has(version));
    this.#target = targetOf(webhook.clientConfig ?? {});
    this.#means = means;
  }

  async convert(objects: readonly KubeObject[], apiVersion: string): Promise<readonly KubeObject[]> {
    const due = objects.filter((object) => object.apiVersion !== apiVersion);
    const converted: KubeObject[] = [];
    for (let at = 0; at < due.length; at += objectsMax) {
      converted.push(...(await this.#ask(due.slice(at, at + objectsMax), apiVersion)));
    }
    const next = converted.values();
    return objects.map((object) => (object.apiVersion === apiVersion ? object : (next.next().value as KubeObject)));
  }

  async #ask(objects: readonly KubeObject[], apiVersion: string): Promise<readonly KubeObject[]> {
    const kind = kindText(objects[0]);
    const { outside, prng } = this.#means;
    if (this.#reviewVersion === undefined) throw failure('no supported conversion review versions');
    if (outside === undefined) throw failure(`conversion webhook for ${kind} failed: nobody outside can be reached`);
    const uid = uuid(prng);
    const review = {
      apiVersion: `apiextensions.k8s.io/${this.#reviewVersion}`,
      kind: 'ConversionReview',
      request: { uid, desiredAPIVersion: apiVersion, objects: objects as unknown as JsonValue },
    };
    const answer = await outside.post(this.#target, review, { timeoutMs }).catch((error: unknown) => {
      throw failure(`conversion webhook for ${kind} failed: ${(error as Error).message}`, error);
    });
    const found = this.#objectsIn(answer, uid);
    if (typeof found === 'string') throw failure(`conversion webhook for ${kind} failed: ${found}`);
    if (found.length !== objects.length) {
      const counts = `${found.length} objects, expected ${objects.length}`;
      throw failure(`conversion webhook for ${kind} returned ${counts}`);
    }
    return objects.map((object, index) => checked(object, found[index], apiVersion, { kind, index }));
  }

  /** A text: why there are none. Of v1beta1, upstream checks neither kind nor uid. */
  #objectsIn(answer: JsonObject, uid: string): readonly JsonValue[] | string {
    const isStrict = this.#reviewVersion === 'v1';
    if (isStrict && (answer['apiVersion'] !== 'apiextensions.k8s.io/v1' || answer['kind'] !== 'ConversionReview')) {
      const got = kindText(answer);
      return `expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got ${got}`;
    }
    const { response } = answer;
    if (!isObject(response)) return 'no response provided';
    const given = textOf(response['uid']);
    if (isStrict && given !== uid) return `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(given)}`;
    const result = isObject(response['result']) ? response['result'] : {};
    if (result['status'] !== 'Success') {
      return textOf(result['message']) || `response.result.status was '${textOf(result['status'])}', not 'Success'`;
    }
    return Array.isArray(response['convertedObjects']) ? response['convertedObjects'] : [];
  }
}

const reviewVersions: ReadonlySet<string> = new Set(['v1', 'v1beta1']);

function targetOf({ url, service, caBundle = '' }: NonNullable<WebhookConversion['clientConfig']>): OutsideTarget {
  // White space alone, as some write it to have a tool fill it in, is no bundle.
  const isBlank = Buffer.from(caBundle, 'base64').toString().trim() === '';
  return {
    ...(url !== undefined && { url }),
    ...(service !== undefined && { service }),
    ...(!isBlank && { caBundle }),
  };
}

/** The converted object with its metadata. @throws StatusError where it is not the one that was asked about */
function checked(
  original: KubeObject,
  converted: JsonValue | undefined,
  apiVersion: string,
  { kind, index }: { readonly kind: string; readonly index: number },
): KubeObject {
  const at = `conversion webhook for ${kind} returned`;
  if (!isObject(converted)) throw failure(`${at} invalid converted object at index ${index}: not an object`);
  const made = converted as unknown as KubeObject;
  const version = made.apiVersion ?? '';
  if (version !== apiVersion) {
    const versions = `(expected ${apiVersion}, received ${version})`;
    throw failure(`${at} invalid object at index ${index}: invalid groupVersion ${versions}`);
  }
  if (made.kind !== original.kind) {
    const kinds = `(expected ${original.kind}, received ${made.kind ?? ''})`;
    throw failure(`${at} invalid object at index ${index}: invalid kind ${kinds}`);
  }
  const problem = identityProblem(original, made);
  if (problem !== undefined) throw failure(`${at} invalid object: ${problem}`);
  const restored = withMetadataOf(original, converted);
  if (typeof restored === 'string') throw failure(`${at} invalid metadata: ${restored}`);
  return restored;
}

function identityProblem({ metadata: before }: KubeObject, { metadata: after }: KubeObject): string | undefined {
  const names = { name: 'name', namespace: 'namespace', uid: 'UID' } as const;
  for (const field of ['name', 'namespace', 'uid'] as const) {
    const [was = '', is = ''] = [before?.[field], after?.[field]];
    if (was !== is) return `must have the same ${names[field]}: ${was} != ${is}`;
  }
  return undefined;
}

/** As Go prints a kind. */
function kindText(object: Pick<KubeObject, 'apiVersion' | 'kind'> | undefined): string {
  const { apiVersion = '', kind = '' } = object ?? {};
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

const textOf = (value: JsonValue | undefined): string => (typeof value === 'string' ? value : '');

/** Upstream's words stand alone here. */
function failure(message: string, cause?: unknown): StatusError {
  return new StatusError(500, 'InternalError', message, undefined, { cause });
}
