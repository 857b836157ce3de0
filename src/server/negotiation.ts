/**
 * Which form does the client want, and which form did it send? Content negotiation (RFC 9110, 12.5) with the API's own
 * parameters: `as=Table;v=v1;g=meta.k8s.io`, `as=PartialObjectMetadata`, `stream=watch`. Pure; answers are cached by header
 * text, because every client sends one of a handful.
 */
import { protobufMediaType } from '../api/protobuf/envelope.ts';
import { StatusError } from '../api/status-error.ts';

export type TextEncoding = 'json' | 'yaml';
export type Encoding = TextEncoding | 'protobuf';
export type Transform = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface Negotiated {
  readonly encoding: Encoding;
  /** What to make of the objects; undefined: nothing. */
  readonly as?: Transform;
  /** The version of group meta.k8s.io that the transformed object carries. */
  readonly metaVersion: string;
}

export interface MediaRange {
  /** `application/json`, `application/*`, `*` + `/*`. Lower case. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Best first; equals stay in the order given. Those with `q=0` are left out. */
export function parseAccept(header: string): MediaRange[] {
  const ranges = header.split(',').map(parseRange);
  return ranges.filter((range) => range.type !== '' && range.quality > 0).sort((a, b) => b.quality - a.quality);
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim());
  const parameters = new Map(
    rest.map((parameter) => {
      const [name = '', value = ''] = parameter.split('=', 2);
      return [name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, '')] as const;
    }),
  );
  const quality = Number(parameters.get('q') ?? 1);
  return { type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 1 };
}

const encodings: ReadonlyMap<string, Encoding> = new Map([
  ['application/json', 'json'],
  ['application/*', 'json'],
  ['*/*', 'json'],
  ['application/yaml', 'yaml'],
  [protobufMediaType, 'protobuf'],
]);

const transforms: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

const plainJson: Negotiated = { encoding: 'json', metaVersion: 'v1' };
const cachedHeadersMax = 256;
type Cache = Map<string, Negotiated | undefined>;
const textCache: Cache = new Map();
const protobufCache: Cache = new Map();

/** `hasProtobuf`: what is asked for has a form in protobuf. @throws StatusError NotAcceptable */
export function negotiate(header: string | undefined, hasProtobuf = false): Negotiated {
  if (header === undefined || header === '') return plainJson;
  const cache = hasProtobuf ? protobufCache : textCache;
  if (!cache.has(header)) {
    if (cache.size >= cachedHeadersMax) cache.clear();
    cache.set(header, firstGood(parseAccept(header), hasProtobuf));
  }
  const chosen = cache.get(header);
  if (chosen === undefined) throw notAcceptable(['application/json', 'application/yaml'], hasProtobuf);
  return chosen;
}

/** A watch is a sequence of frames, which YAML has no form for. @throws StatusError NotAcceptable */
export function negotiateStream(header: string | undefined, hasProtobuf = false): Negotiated {
  const ranges = parseAccept(header ?? '*/*').filter(({ type }) => type !== 'application/yaml');
  const chosen = firstGood(ranges, hasProtobuf);
  if (chosen === undefined) throw notAcceptable(['application/json'], hasProtobuf);
  return chosen;
}

function firstGood(ranges: readonly MediaRange[], hasProtobuf: boolean): Negotiated | undefined {
  for (const { type, parameters } of ranges) {
    const encoding = encodings.get(type);
    if (encoding === undefined) continue;
    const as = parameters.get('as');
    // A Table has no form in protobuf, whatever it shows.
    if (encoding === 'protobuf' && (!hasProtobuf || as === 'Table')) continue;
    if (as === undefined) return { encoding, metaVersion: 'v1' };
    const metaVersion = parameters.get('v') ?? '';
    if (!transforms.has(as) || parameters.get('g') !== 'meta.k8s.io' || !/^v1(beta1)?$/.test(metaVersion)) continue;
    return { encoding, as: as as Transform, metaVersion };
  }
  return undefined;
}

function notAcceptable(textTypes: readonly string[], hasProtobuf: boolean): StatusError {
  const offered = hasProtobuf ? [...textTypes, protobufMediaType] : textTypes;
  return new StatusError(
    406,
    'NotAcceptable',
    `only the following media types are accepted: ${offered.join(', ')}`,
    {},
  );
}

/** Which of `offered` (first: the default) the client wants, for answers that are no API objects. Undefined: none. */
export function preferred<T extends string>(header: string | undefined, offered: readonly T[]): T | undefined {
  if (header === undefined || header === '') return offered[0];
  for (const { type } of parseAccept(header)) {
    const found = offered.find((each) => type === each || type === '*/*' || type === `${each.split('/')[0]}/*`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The bare type of a `Content-Type`, in lower case. */
export function mediaType(header: string | undefined): string {
  return (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** @throws StatusError UnsupportedMediaType */
export function bodyEncoding(contentType: string | undefined): Encoding {
  const type = mediaType(contentType);
  if (type === '' || type === 'application/json') return 'json';
  if (type === 'application/yaml') return 'yaml';
  if (type === protobufMediaType) return 'protobuf';
  throw unsupportedMediaType(['application/json', 'application/yaml', protobufMediaType]);
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message, {});
}

/** Does `Accept-Encoding` let us send gzip? */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  return parseAccept(String(header ?? '')).some(({ type }) => type === 'gzip');
}

/** Indented output: asked for by query, or by the habits of programs that people look into. As upstream. */
export function wantsPretty(query: URLSearchParams, userAgent: string | undefined): boolean {
  const asked = query.get('pretty');
  if (asked !== null) return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(asked);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent ?? '');
}
