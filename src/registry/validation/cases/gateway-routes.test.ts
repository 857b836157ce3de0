/** Routes of the Gateway API: what the schema bounds and what expressions refuse, in upstream's words. */
import type { JsonValue } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const apiVersion = 'gateway.networking.k8s.io/v1';
const group = 'gateway.networking.k8s.io';
const rule = 'spec.rules[0]';

const one = (name: string, path: string, value: JsonValue | undefined, ...errors: string[]): ValidationCase => ({
  name,
  changes: { [path]: value },
  errors,
});

const parents = (...sections: (string | undefined)[]): JsonValue =>
  sections.map((sectionName) => ({ name: 'web', ...(sectionName && { sectionName }) }));

const asWritten = "when type one of ['Exact', 'PathPrefix']";
const path = (type: string, value: string, ...messages: string[]): ValidationCase => ({
  name: `${messages.length > 0 ? 'refuses' : 'accepts'} ${value} as ${type}`,
  changes: { [`${rule}.matches`]: [{ path: { type, value } }] },
  errors: messages.map((message) => `${rule}.matches[0].path: Invalid value: ${message}`),
});
const characters =
  "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types ['Exact', 'PathPrefix']";

const filters = (name: string, list: JsonValue[], ...errors: string[]): ValidationCase => ({
  name,
  changes: { [`${rule}.filters`]: list, [`${rule}.backendRefs`]: undefined },
  errors,
});
const rewrite = (type: string, field: string): JsonValue => ({
  type: 'URLRewrite',
  urlRewrite: { path: { type, [field]: '/x' } },
});
const redirect: JsonValue = { type: 'RequestRedirect', requestRedirect: { hostname: 'a.example' } };
const setHeader: JsonValue = { set: [{ name: 'a', value: 'b' }] };
const requestHeaders: JsonValue = { type: 'RequestHeaderModifier', requestHeaderModifier: setHeader };
const mirror = (more: Record<string, JsonValue>): JsonValue => ({
  type: 'RequestMirror',
  requestMirror: { backendRef: { name: 'web', port: 80 }, ...more },
});

const httpCases: readonly ValidationCase[] = [
  one('accepts two listeners of a parent', 'spec.parentRefs', parents('a', 'b')),
  one(
    'refuses a parent and one of its listeners',
    'spec.parentRefs',
    parents('a', undefined),
    'spec.parentRefs: Invalid value: sectionName must be specified when parentRefs includes 2 or more references to the same parent',
  ),
  one(
    'refuses a parent twice',
    'spec.parentRefs',
    parents(undefined, undefined),
    'spec.parentRefs: Invalid value: sectionName must be unique when parentRefs includes 2 or more references to the same parent',
  ),
  path('PathPrefix', 'a', `value must be an absolute path and start with '/' ${asWritten}`),
  path('Exact', '/a//b', `must not contain '//' ${asWritten}`),
  path('Exact', '/a/./b', `must not contain '/./' ${asWritten}`),
  path('Exact', '/a/../b', `must not contain '/../' ${asWritten}`),
  path('Exact', '/a%2fb', `must not contain '%2f' ${asWritten}`),
  path('Exact', '/a#b', `must not contain '#' ${asWritten}`, characters),
  path('Exact', '/a/..', `must not end with '/..' ${asWritten}`),
  path('Exact', '/a/.', `must not end with '/.' ${asWritten}`),
  path('Exact', '/a b', characters),
  path('Exact', '/a%20b'),
  path('RegularExpression', '/a//[b#]+'),
  one(
    'refuses another kind of path',
    `${rule}.matches`,
    [{ path: { type: 'Suffix', value: '/a' } }],
    `${rule}.matches[0].path.type: Unsupported value: "Suffix": supported values: "Exact", "PathPrefix", "RegularExpression"`,
    `${rule}.matches[0].path: Invalid value: type must be one of ['Exact', 'PathPrefix', 'RegularExpression']`,
  ),
  one(
    'refuses more than 128 matches in all',
    'spec.rules',
    [0, 1, 2].map(() => ({ matches: Array.from({ length: 50 }, (_, index) => ({ path: { value: `/${index}` } })) })),
    'spec.rules: Invalid value: While 16 rules and 64 matches per rule are allowed, the total number of matches…',
  ),
  one(
    'refuses a Service without a port',
    `${rule}.backendRefs`,
    [{ name: 'web' }],
    `${rule}.backendRefs[0]: Invalid value: Must have port for Service reference`,
  ),
  one('accepts what is no Service without a port', `${rule}.backendRefs`, [
    { group: 'a.example', kind: 'B', name: 'web' },
  ]),
  one(
    'refuses weights below 0',
    `${rule}.backendRefs[0].weight`,
    -1,
    `${rule}.backendRefs[0].weight: Invalid value: -1: ${rule}.backendRefs[0].weight in body should be greater than or equal to 0`,
  ),
  one(
    'refuses a redirect beside backends',
    `${rule}.filters`,
    [redirect],
    `${rule}: Invalid value: RequestRedirect filter must not be used together with backendRefs`,
  ),
  filters('accepts a redirect alone', [redirect]),
  filters(
    'refuses a filter twice',
    [requestHeaders, requestHeaders],
    `${rule}.filters: Invalid value: RequestHeaderModifier filter cannot be repeated`,
  ),
  filters('accepts two mirrors', [mirror({}), mirror({})]),
  filters(
    'refuses a redirect that rewrites',
    [redirect, rewrite('ReplaceFullPath', 'replaceFullPath')],
    `${rule}.filters: Invalid value: May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both`,
  ),
  filters(
    'refuses the field of another type',
    [{ type: 'ResponseHeaderModifier', requestHeaderModifier: setHeader }],
    `${rule}.filters[0]: Invalid value: filter.requestHeaderModifier must be nil if the filter.type is not RequestHeaderModifier`,
    `${rule}.filters[0]: Invalid value: filter.responseHeaderModifier must be specified for ResponseHeaderModifier filter.type`,
  ),
  filters('accepts a rewrite of the one prefix', [rewrite('ReplacePrefixMatch', 'replacePrefixMatch')]),
  {
    name: 'refuses a rewrite of a prefix where the path is exact',
    changes: {
      [`${rule}.filters`]: [rewrite('ReplacePrefixMatch', 'replacePrefixMatch')],
      [`${rule}.matches`]: [{ path: { type: 'Exact', value: '/a' } }],
    },
    errors: [
      `${rule}: Invalid value: When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    ],
  },
  filters(
    'refuses a rewrite of the path that says another type',
    [rewrite('ReplaceFullPath', 'replacePrefixMatch')],
    `${rule}.filters[0].urlRewrite.path: Invalid value: replaceFullPath must be specified when type is set to 'ReplaceFullPath'`,
    `${rule}.filters[0].urlRewrite.path: Invalid value: type must be 'ReplacePrefixMatch' when replacePrefixMatch is set`,
  ),
  filters(
    'refuses a mirror of both a percentage and a fraction',
    [mirror({ percent: 1, fraction: { numerator: 1 } })],
    `${rule}.filters[0].requestMirror: Invalid value: Only one of percent or fraction may be specified in HTTPRequestMirrorFilter`,
  ),
  filters(
    'refuses more than all of the requests',
    [mirror({ fraction: { numerator: 101 } })],
    `${rule}.filters[0].requestMirror.fraction: Invalid value: numerator must be less than or equal to denominator`,
  ),
  filters(
    'refuses a redirect with status 200',
    [{ type: 'RequestRedirect', requestRedirect: { statusCode: 200 } }],
    `${rule}.filters[0].requestRedirect.statusCode: Unsupported value: 200: supported values: "301", "302", "303", "307", "308"`,
  ),
  filters(
    'refuses a star beside other origins',
    [{ type: 'CORS', cors: { allowOrigins: ['*', 'https://a.example'] } }],
    `${rule}.filters[0].cors.allowOrigins: Invalid value: AllowOrigins cannot contain '*' alongside other origins`,
  ),
  one('accepts timeouts', `${rule}.timeouts`, { request: '10s', backendRequest: '2s500ms' }),
  one('accepts any time of the backend where the request has all', `${rule}.timeouts`, {
    request: '0s',
    backendRequest: '2s',
  }),
  one(
    'refuses a backend that has longer than the request',
    `${rule}.timeouts`,
    { request: '1s', backendRequest: '1001ms' },
    `${rule}.timeouts: Invalid value: backendRequest timeout cannot be longer than request timeout`,
  ),
  one(
    'refuses another form of time',
    `${rule}.timeouts`,
    { request: '1.5s' },
    `${rule}.timeouts.request: Invalid value: "1.5s": ${rule}.timeouts.request in body should match '^([0-9]{1,5}(h|m|s|ms)){1,4}$'`,
  ),
  one(
    'refuses a header twice',
    `${rule}.matches`,
    [
      {
        headers: [
          { name: 'a', value: '1' },
          { name: 'a', value: '2' },
        ],
      },
    ],
    `${rule}.matches[0].headers[1]: Duplicate value: {"name":"a"}`,
  ),
];

const grpcCases: readonly ValidationCase[] = [
  one('accepts a method', `${rule}.matches`, [{ method: { service: 'a.b.C', method: 'Get' } }]),
  one(
    'refuses a match of neither service nor method',
    `${rule}.matches`,
    [{ method: {} }],
    `${rule}.matches[0].method: Invalid value: One or both of 'service' or 'method' must be specified`,
  ),
  one(
    'refuses a service with a slash',
    `${rule}.matches`,
    [{ method: { service: 'a/b' } }],
    `${rule}.matches[0].method: Invalid value: service must only contain valid characters…`,
  ),
  one('accepts a service by expression', `${rule}.matches`, [
    { method: { type: 'RegularExpression', service: 'a/b' } },
  ]),
  one(
    'refuses a method that begins with a digit',
    `${rule}.matches`,
    [{ method: { method: '1a' } }],
    `${rule}.matches[0].method: Invalid value: method must only contain valid characters…`,
  ),
];

const hostnames = (list: string[], ...messages: string[]): ValidationCase =>
  one(`${messages.length > 0 ? 'refuses' : 'accepts'} ${list.join()}`, 'spec.hostnames', list, ...messages);

const route = (kind: string, spec: object): object => ({
  apiVersion,
  kind,
  metadata: { name: 'web', namespace: 'default' },
  spec: { parentRefs: [{ name: 'web' }], ...spec },
});
const rules = [{ backendRefs: [{ name: 'web', port: 80 }] }];

testCases([
  { resource: `httproutes.${group}`, valid: route('HTTPRoute', { rules }), cases: httpCases },
  { resource: `grpcroutes.${group}`, valid: route('GRPCRoute', { rules }), cases: grpcCases },
  {
    resource: `tlsroutes.${group}`,
    valid: route('TLSRoute', { hostnames: ['a.example'], rules }),
    cases: [
      hostnames(['a.example', '*.b.example']),
      hostnames(['1.2.3.4'], 'spec.hostnames: Invalid value: Hostnames cannot contain an IP'),
      one(
        'refuses no rules',
        'spec.rules',
        [],
        'spec.rules: Invalid value: 0: spec.rules in body should have at least 1 items',
      ),
    ],
  },
  {
    resource: `tcproutes.${group}`,
    valid: route('TCPRoute', { rules }),
    cases: [
      one(
        'refuses a Service without a port',
        `${rule}.backendRefs`,
        [{ name: 'web' }],
        `${rule}.backendRefs[0]: Invalid value: Must have port for Service reference`,
      ),
    ],
  },
  {
    resource: `udproutes.${group}`,
    valid: route('UDPRoute', { rules }),
    cases: [
      one(
        'refuses a Service without a port',
        `${rule}.backendRefs`,
        [{ name: 'web' }],
        `${rule}.backendRefs[0]: Invalid value: Must have port for Service reference`,
      ),
    ],
  },
]);
