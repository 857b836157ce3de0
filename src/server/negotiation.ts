/**
 * Which form does the client want, and which form did it send? Content negotiation (RFC 9110, 12.5) with the API's own
 * parameters: `as=Table;v=v1;g=meta.k8s.io`, `as=PartialObjectMetadata`, `stream=watch`. Pure; answers are cached by header
 * text, because every client sends one of a handful.
 */
import { protobufMediaType } from '../api/protobuf/envelope.ts';
import { StatusError } from '../api/status-error.ts';
import { limits } from '../lib/limits.ts';

export type TextEncoding = 'json' | 'yaml';
export type Encoding = TextEncoding | 'protobuf';
export type Transform = 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface Negotiated {
  readonly encoding: Encoding;
  /** What to make of the objects; undefined: nothing. */
  readonly as?: Transform;
  /** The version of group meta.k8s.io that the transformed object carries. */
  readonly metaVersion: string;
  /** Indented, for people: asked for by the range's own parameter. */
  readonly pretty: boolean;
}

export interface MediaRange {
  /** `application/json`, `application/*`, `*` + `/*`. Lower case. */
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** Of one header; what follows is not looked at: a megabyte of commas would take a second. */
const mediaRangesMax = 256;

/** Best first; of equals those without a wildcard, then in the order given. Those with `q=0` are left out. */
export function parseAccept(header: string): MediaRange[] {
  const ranges = header.split(',', mediaRangesMax).map(parseRange);
  return ranges
    .filter((range) => range.type !== '' && range.quality > 0)
    .sort((a, b) => b.quality - a.quality || wildcards(a) - wildcards(b));
}

function wildcards({ type }: MediaRange): number {
  if (type.startsWith('*')) return 2;
  return type.endsWith('/*') ? 1 : 0;
}

function parseRange(text: string): MediaRange {
  const [type = '', ...rest] = text.split(';', 1 + limits.acceptParametersMax).map((part) => part.trim());
  const parameters = new Map(
    rest.map((parameter) => {
      const [name = '', value = ''] = parameter.split('=', 2);
      return [name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, '')] as const;
    }),
  );
  const quality = Number(parameters.get('q') ?? 1);
  return {
    type: type === '*' ? '*/*' : type.toLowerCase(),
    parameters,
    quality: Number.isFinite(quality) ? quality : 1,
  };
}

/** In upstream's order: a wildcard means the first that will do. */
const encodings: readonly (readonly [string, Encoding])[] = [
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  [protobufMediaType, 'protobuf'],
];
const mediaTypes = encodings.map(([type]) => type);
/** YAML cannot be sent one object at a time. */
const streamMediaTypes = mediaTypes.filter((type) => type !== 'application/yaml').map((type) => `${type};stream=watch`);

const transforms: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

const plainJson: Negotiated = { encoding: 'json', metaVersion: 'v1', pretty: false };
const cachedHeadersMax = 256;
type Cache = Map<string, Negotiated | undefined>;
const textCache: Cache = new Map();
const protobufCache: Cache = new Map();

/** `hasProtobuf`, `hasTable`: what is asked for has a form in protobuf, or as a table. @throws StatusError NotAcceptable */
export function negotiate(header: string | undefined, hasProtobuf = false, hasTable = true): Negotiated {
  const chosen = chosenFrom(header, hasProtobuf);
  const good = chosen?.as === 'Table' && !hasTable ? withoutTable(header, hasProtobuf) : chosen;
  if (good === undefined) throw notAcceptable(mediaTypes);
  return good;
}

function withoutTable(header: string | undefined, hasProtobuf: boolean): Negotiated | undefined {
  const others = parseAccept(header ?? '').filter(({ parameters }) => parameters.get('as') !== 'Table');
  return firstGood(others, hasProtobuf);
}

/** As upstream, the first that a single answer would have had decides. @throws StatusError NotAcceptable */
export function negotiateStream(header: string | undefined, hasProtobuf = false): Negotiated {
  const chosen = chosenFrom(header, hasProtobuf);
  if (chosen === undefined || chosen.encoding === 'yaml') throw notAcceptable(streamMediaTypes);
  // An event is no list: it would go out as it is, which a custom resource cannot in protobuf.
  if (chosen.encoding === 'protobuf' && chosen.as === 'PartialObjectMetadataList' && !hasProtobuf) {
    throw notAcceptable(streamMediaTypes);
  }
  return chosen;
}

function chosenFrom(header: string | undefined, hasProtobuf: boolean): Negotiated | undefined {
  if (header === undefined || header === '') return plainJson;
  if (header.length > limits.acceptCharactersKept) return firstGood(parseAccept(header), hasProtobuf);
  const cache = hasProtobuf ? protobufCache : textCache;
  if (!cache.has(header)) {
    if (cache.size >= cachedHeadersMax) cache.clear();
    cache.set(header, firstGood(parseAccept(header), hasProtobuf));
  }
  return cache.get(header);
}

function firstGood(ranges: readonly MediaRange[], hasProtobuf: boolean): Negotiated | undefined {
  for (const range of ranges) {
    for (const [type, encoding] of encodings) {
      const accepted = matches(range.type, type) ? accept(range.parameters, encoding, hasProtobuf) : undefined;
      if (accepted !== undefined) return accepted;
    }
  }
  return undefined;
}

function matches(range: string, type: string): boolean {
  return range === type || range === 'application/*' || range === '*/*';
}

/** Undefined where a parameter asks for what this encoding cannot do. */
function accept(
  parameters: ReadonlyMap<string, string>,
  encoding: Encoding,
  hasProtobuf: boolean,
): Negotiated | undefined {
  const stream = parameters.get('stream');
  if (stream && (stream !== 'watch' || encoding === 'yaml')) return undefined;
  if ((parameters.get('sv') || 'v1') !== 'v1') return undefined;
  const pretty = parameters.get('pretty') === '1';
  const wantsTransform = ['as', 'g', 'v'].some((name) => parameters.has(name));
  if (!wantsTransform)
    return encoding === 'protobuf' && !hasProtobuf ? undefined : { encoding, metaVersion: 'v1', pretty };
  const as = parameters.get('as') ?? '';
  const metaVersion = parameters.get('v') ?? '';
  if (!transforms.has(as) || parameters.get('g') !== 'meta.k8s.io' || !/^v1(beta1)?$/.test(metaVersion))
    return undefined;
  // A Table has no form in protobuf, whatever it shows; metadata has one, also that of custom resources.
  return encoding === 'protobuf' && as === 'Table' ? undefined : { encoding, as: as as Transform, metaVersion, pretty };
}

function notAcceptable(offered: readonly string[]): StatusError {
  const message = `only the following media types are accepted: ${offered.join(', ')}`;
  return new StatusError(406, 'NotAcceptable', message);
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

/** A type, and parameters that are `name=value`. */
const wellFormed = /^\s*[^\s;/]+\/[^\s;/]+\s*(?:;\s*(?:[^\s;="]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;="]+)\s*)?)*$/;
const contentTypeCharactersMax = 1024;

/** JSON where nobody says. @throws StatusError UnsupportedMediaType */
export function bodyEncoding(contentType: string | undefined): Encoding {
  if (contentType === undefined || contentType === '') return 'json';
  const found = encodings.find(([type]) => type === mediaType(contentType));
  const isReadable = contentType.length <= contentTypeCharactersMax && wellFormed.test(contentType);
  if (found === undefined || !isReadable) throw unsupportedMediaType(mediaTypes);
  return found[1];
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', message);
}

/** Does `Accept-Encoding` let us send gzip? */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  return parseAccept(String(header ?? '')).some(({ type }) => type === 'gzip');
}

/** Indented output: asked for by query, or by the habits of programs that people look into. As upstream. */
export function wantsPretty(query: URLSearchParams, userAgent: string | undefined): boolean {
  const asked = query.get('pretty');
  if (asked) return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(asked);
  return /^(curl|Wget|Mozilla\/5\.0)/.test(userAgent ?? '');
}
