/** What upstream's CustomResourceDefinitions say of HTTPRoutes and GRPCRoutes in expressions, by structure and field. */
import { parseGatewayDuration } from '../../api/gateway-duration.ts';
import type {
  BackendObjectReference,
  Fraction,
  GRPCMethodMatch,
  GRPCRouteRule,
  HTTPBackendRef,
  HTTPPathMatch,
  HTTPPathModifier,
  HTTPRequestMirrorFilter,
  HTTPRouteFilter,
  HTTPRouteRule,
  HTTPRouteTimeouts,
} from '../../api/schema/types/gateway-v1.ts';
import { rule, type StructureRule, type StructureRules } from './value-rules.ts';

type Filters = readonly HTTPRouteFilter[];

const matchesMax = 128;
const manyMatches = `While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than ${matchesMax}`;

const fewMatches = rule<readonly (HTTPRouteRule | GRPCRouteRule)[]>(
  manyMatches,
  (rules) => rules.reduce((sum, { matches = [] }) => sum + matches.length, 0) <= matchesMax,
);

const servicePort = rule<BackendObjectReference>('Must have port for Service reference', ({ group, kind, port }) =>
  group === '' && kind === 'Service' ? port !== undefined : true,
);

/** The types of filters, and the field that holds what is said of each. */
const filterFields = {
  RequestHeaderModifier: 'requestHeaderModifier',
  ResponseHeaderModifier: 'responseHeaderModifier',
  RequestMirror: 'requestMirror',
  CORS: 'cors',
  RequestRedirect: 'requestRedirect',
  URLRewrite: 'urlRewrite',
  ExtensionRef: 'extensionRef',
} as const;

const grpcTypes = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef'] as const;
const httpTypes = Object.keys(filterFields) as (keyof typeof filterFields)[];

const filterRules = (types: readonly (keyof typeof filterFields)[]): StructureRule[] =>
  types.flatMap((type) => {
    const field = filterFields[type];
    return [
      rule<HTTPRouteFilter>(
        `filter.${field} must be nil if the filter.type is not ${type}`,
        (filter) => filter.type === type || filter[field] === undefined,
      ),
      rule<HTTPRouteFilter>(
        `filter.${field} must be specified for ${type} filter.type`,
        (filter) => filter.type !== type || filter[field] !== undefined,
      ),
    ];
  });

const onlyOnce = (...types: readonly string[]): StructureRule[] =>
  types.map((type) =>
    rule<Filters>(
      `${type} filter cannot be repeated`,
      (filters) => filters.filter((filter) => filter.type === type).length <= 1,
    ),
  );

const httpFilters: StructureRule[] = [
  rule<Filters>(
    'May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both',
    (filters) => !['RequestRedirect', 'URLRewrite'].every((type) => filters.some((filter) => filter.type === type)),
  ),
  ...onlyOnce('CORS', 'RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'),
];

const grpcFilters = onlyOnce('RequestHeaderModifier', 'ResponseHeaderModifier');

type PathFilter = 'requestRedirect' | 'urlRewrite';

const replacesPrefix = (filters: Filters = [], field: PathFilter): boolean =>
  filters.filter((filter) => {
    const path = filter[field]?.path;
    return path?.type === 'ReplacePrefixMatch' && path.replacePrefixMatch !== undefined;
  }).length === 1;

const hasOnePrefix = ({ matches = [] }: HTTPRouteRule): boolean =>
  matches.length === 1 && matches[0]?.path?.type === 'PathPrefix';

const inBackends = (backends: readonly HTTPBackendRef[] = [], field: PathFilter): boolean =>
  backends.filter(({ filters }) => replacesPrefix(filters, field)).length === 1;

const prefixRules = (field: PathFilter, name: string, within: string): StructureRule[] => [
  rule<HTTPRouteRule>(
    `When using ${name} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    (each) => !replacesPrefix(each.filters, field) || hasOnePrefix(each),
  ),
  rule<HTTPRouteRule>(
    `Within backendRefs, ${within} using ${name} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`,
    (each) => !inBackends(each.backendRefs, field) || hasOnePrefix(each),
  ),
];

const pathModifier = (type: string, field: 'replaceFullPath' | 'replacePrefixMatch'): StructureRule[] => [
  rule<HTTPPathModifier>(
    `${field} must be specified when type is set to '${type}'`,
    (path) => path.type !== type || path[field] !== undefined,
  ),
  rule<HTTPPathModifier>(
    `type must be '${type}' when ${field} is set`,
    (path) => path[field] === undefined || path.type === type,
  ),
];

const pathCharacters = "^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$";
const plainPath = new RegExp(pathCharacters);
const forbiddenParts = ['//', '/./', '/../', '%2f', '%2F', '#'];
const forbiddenEnds = ['/..', '/.'];

/** Regular expressions are not looked into. */
const pathRule = (message: string, holds: (path: string) => boolean): StructureRule =>
  rule<HTTPPathMatch>(message, ({ type = 'PathPrefix', value = '/' }) =>
    ['Exact', 'PathPrefix'].includes(type) ? holds(value) : true,
  );

const asWritten = "when type one of ['Exact', 'PathPrefix']";

const pathRules: StructureRule[] = [
  pathRule(`value must be an absolute path and start with '/' ${asWritten}`, (path) => path.startsWith('/')),
  ...forbiddenParts.map((part) => pathRule(`must not contain '${part}' ${asWritten}`, (path) => !path.includes(part))),
  ...forbiddenEnds.map((end) => pathRule(`must not end with '${end}' ${asWritten}`, (path) => !path.endsWith(end))),
  rule<HTTPPathMatch>("type must be one of ['Exact', 'PathPrefix', 'RegularExpression']", ({ type = 'PathPrefix' }) =>
    ['Exact', 'PathPrefix', 'RegularExpression'].includes(type),
  ),
  pathRule(
    `must only contain valid characters (matching ${pathCharacters}) for types ['Exact', 'PathPrefix']`,
    (path) => plainPath.test(path),
  ),
];

const starAlone = (what: string, other: string): StructureRule[] => [
  rule<readonly string[]>(
    `${what} cannot contain '*' alongside other ${other}`,
    (all) => !all.includes('*') || all.length === 1,
  ),
];

const isExact = ({ type }: GRPCMethodMatch): boolean => type === undefined || type === 'Exact';

const methodRules: StructureRule[] = [
  rule<GRPCMethodMatch>(
    "One or both of 'service' or 'method' must be specified",
    (match) => match.type === undefined || match.service !== undefined || match.method !== undefined,
  ),
  rule<GRPCMethodMatch>(
    'service must only contain valid characters (matching ^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$)',
    (match) =>
      !isExact(match) ||
      match.service === undefined ||
      /^\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/i.test(match.service),
  ),
  rule<GRPCMethodMatch>(
    'method must only contain valid characters (matching ^[A-Za-z_][A-Za-z_0-9]*$)',
    (match) => !isExact(match) || match.method === undefined || /^[A-Za-z_][A-Za-z_0-9]*$/.test(match.method),
  ),
];

export const gatewayRouteRules: StructureRules = {
  'HTTPRouteSpec.rules': [fewMatches],
  'GRPCRouteSpec.rules': [fewMatches],
  HTTPRouteRule: [
    rule<HTTPRouteRule>(
      'RequestRedirect filter must not be used together with backendRefs',
      ({ backendRefs = [], filters = [] }) =>
        backendRefs.length === 0 || filters.every(({ requestRedirect }) => requestRedirect === undefined),
    ),
    ...prefixRules('requestRedirect', 'RequestRedirect', 'when'),
    ...prefixRules('urlRewrite', 'URLRewrite', 'When'),
  ],
  HTTPBackendRef: [servicePort],
  GRPCBackendRef: [servicePort],
  BackendRef: [servicePort],
  BackendObjectReference: [servicePort],
  'HTTPRouteRule.filters': httpFilters,
  'HTTPBackendRef.filters': httpFilters,
  'GRPCRouteRule.filters': grpcFilters,
  'GRPCBackendRef.filters': grpcFilters,
  HTTPRouteFilter: filterRules(httpTypes),
  GRPCRouteFilter: filterRules(grpcTypes),
  HTTPRequestMirrorFilter: [
    rule<HTTPRequestMirrorFilter>(
      'Only one of percent or fraction may be specified in HTTPRequestMirrorFilter',
      ({ percent, fraction }) => percent === undefined || fraction === undefined,
    ),
  ],
  Fraction: [
    rule<Fraction>(
      'numerator must be less than or equal to denominator',
      ({ numerator, denominator = 100 }) => numerator <= denominator,
    ),
  ],
  HTTPPathModifier: [
    ...pathModifier('ReplaceFullPath', 'replaceFullPath'),
    ...pathModifier('ReplacePrefixMatch', 'replacePrefixMatch'),
  ],
  HTTPPathMatch: pathRules,
  'HTTPCORSFilter.allowHeaders': starAlone('AllowHeaders', 'methods'),
  'HTTPCORSFilter.allowMethods': starAlone('AllowMethods', 'methods'),
  'HTTPCORSFilter.allowOrigins': starAlone('AllowOrigins', 'origins'),
  GRPCMethodMatch: methodRules,
  HTTPRouteTimeouts: [
    rule<HTTPRouteTimeouts>(
      'backendRequest timeout cannot be longer than request timeout',
      ({ request, backendRequest }) => {
        const wholeMs = parseGatewayDuration(request ?? '') ?? 0;
        return wholeMs === 0 || (parseGatewayDuration(backendRequest ?? '') ?? 0) <= wholeMs;
      },
    ),
  ],
};
