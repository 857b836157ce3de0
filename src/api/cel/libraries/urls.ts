/** Kubernetes' functions of URLs: `url('https://example.com:80/').getPort()`. Texts are read as Go reads them. */
import { fixedCost, perCharacter, range, scaled, traversal, unknownSize } from '../../../lib/cel/costs.ts';
import type { CelImplementation, CelLibrary, CelOverload } from '../../../lib/cel/declarations.ts';
import { CelFault, CelOpaque } from '../../../lib/cel/values.ts';
import {
  type GoUrl,
  isRequestUri,
  parseRequestUri,
  parseUrl,
  queryValues,
  sameUrl,
  splitHostPort,
  UrlError,
} from '../../go-url.ts';
import { TextMap } from './text-map.ts';

const typeName = 'kubernetes.URL';

class UrlValue extends CelOpaque {
  readonly typeName = typeName;
  readonly url: GoUrl;

  constructor(url: GoUrl) {
    super();
    this.url = url;
  }

  equals(other: this): boolean {
    return sameUrl(this.url, other.url);
  }
}

function url(text: string): UrlValue {
  try {
    // The first tells whether it may be one; what it makes of a fragment is wrong, upstream and here.
    parseRequestUri(text);
    return new UrlValue(parseUrl(text));
  } catch (error) {
    if (!(error instanceof UrlError)) throw error;
    throw new CelFault(`URL parse error during conversion from string: ${error.message}`, { cause: error });
  }
}

const nominal = fixedCost(1);
const part = (of: (url: GoUrl) => string): CelOverload => ({
  run: ({ url: read }: UrlValue) => of(read),
  cost: nominal,
});

/** Upstream counts the text for `url`, and nothing for `isURL`. */
const isUrl: CelImplementation = isRequestUri;

export const urlLibrary: CelLibrary = {
  name: 'kubernetes.urls',
  types: [typeName],
  functions: {
    'url(string): kubernetes.URL': {
      run: url,
      cost: {
        actual: traversal(0).actual,
        estimate: ([text]) => {
          const size = text?.size ?? unknownSize;
          return { cost: scaled(size, perCharacter), resultSize: range(size.min, size.max) };
        },
      },
    },
    'isURL(string): bool': isUrl,
    'kubernetes.URL.getScheme(): string': part(({ scheme }) => scheme),
    'kubernetes.URL.getHost(): string': part(({ host }) => host),
    'kubernetes.URL.getHostname(): string': part(({ host }) => splitHostPort(host).hostname),
    'kubernetes.URL.getPort(): string': part(({ host }) => splitHostPort(host).port),
    'kubernetes.URL.getEscapedPath(): string': part(({ escapedPath }) => escapedPath),
    'kubernetes.URL.getQuery(): map<string, list<string>>': {
      run: ({ url: read }: UrlValue) => new TextMap(queryValues(read)),
      cost: nominal,
    },
  },
};
