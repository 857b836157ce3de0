// Made by `npm run generate-schema` from CustomResourceDefinitions of gateway.networking.k8s.io. Do not edit.
import type { ListMeta, ObjectMeta, Time, TypeMeta } from './meta-v1.ts';

export interface AllowedListeners {
  readonly namespaces?: ListenerNamespaces;
}

export interface AllowedRoutes {
  readonly kinds?: readonly RouteGroupKind[];
  readonly namespaces?: RouteNamespaces;
}

export interface BackendObjectReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
}

export interface BackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
}

export interface BackendTLSPolicy extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: BackendTLSPolicySpec;
  readonly status?: PolicyStatus;
}

export interface BackendTLSPolicyList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly BackendTLSPolicy[];
}

export interface BackendTLSPolicySpec {
  readonly options?: { readonly [key: string]: string };
  readonly targetRefs: readonly LocalPolicyTargetReferenceWithSectionName[];
  readonly validation: BackendTLSPolicyValidation;
}

export interface BackendTLSPolicyValidation {
  readonly caCertificateRefs?: readonly LocalObjectReference[];
  readonly hostname: string;
  readonly subjectAltNames?: readonly SubjectAltName[];
  readonly wellKnownCACertificates?: string;
}

export interface Condition {
  readonly lastTransitionTime: Time;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly reason: string;
  readonly status: string;
  readonly type: string;
}

export interface Fraction {
  readonly denominator?: number;
  readonly numerator: number;
}

export interface FrontendTLSConfig {
  readonly default: TLSConfig;
  readonly perPort?: readonly TLSPortConfig[];
}

export interface FrontendTLSValidation {
  readonly caCertificateRefs: readonly ObjectReference[];
  readonly mode?: string;
}

export interface GRPCBackendRef {
  readonly filters?: readonly GRPCRouteFilter[];
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
}

export interface GRPCMethodMatch {
  readonly method?: string;
  readonly service?: string;
  readonly type?: string;
}

export interface GRPCRoute extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: GRPCRouteSpec;
  readonly status?: RouteStatus;
}

export interface GRPCRouteFilter {
  readonly extensionRef?: LocalObjectReference;
  readonly requestHeaderModifier?: HTTPHeaderFilter;
  readonly requestMirror?: HTTPRequestMirrorFilter;
  readonly responseHeaderModifier?: HTTPHeaderFilter;
  readonly type: string;
}

export interface GRPCRouteList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly GRPCRoute[];
}

export interface GRPCRouteMatch {
  readonly headers?: readonly HTTPHeaderMatch[];
  readonly method?: GRPCMethodMatch;
}

export interface GRPCRouteRule {
  readonly backendRefs?: readonly GRPCBackendRef[];
  readonly filters?: readonly GRPCRouteFilter[];
  readonly matches?: readonly GRPCRouteMatch[];
  readonly name?: string;
}

export interface GRPCRouteSpec {
  readonly hostnames?: readonly string[];
  readonly parentRefs?: readonly ParentReference[];
  readonly rules?: readonly GRPCRouteRule[];
}

export interface Gateway extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: GatewaySpec;
  readonly status?: GatewayStatus;
}

export interface GatewayBackendTLS {
  readonly clientCertificateRef?: SecretObjectReference;
}

export interface GatewayClass extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: GatewayClassSpec;
  readonly status?: GatewayClassStatus;
}

export interface GatewayClassList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly GatewayClass[];
}

export interface GatewayClassSpec {
  readonly controllerName: string;
  readonly description?: string;
  readonly parametersRef?: ObjectReference;
}

export interface GatewayClassStatus {
  readonly conditions?: readonly Condition[];
  readonly supportedFeatures?: readonly SupportedFeature[];
}

export interface GatewayInfrastructure {
  readonly annotations?: { readonly [key: string]: string };
  readonly labels?: { readonly [key: string]: string };
  readonly parametersRef?: LocalObjectReference;
}

export interface GatewayList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly Gateway[];
}

export interface GatewaySpec {
  readonly addresses?: readonly GatewaySpecAddress[];
  readonly allowedListeners?: AllowedListeners;
  readonly gatewayClassName: string;
  readonly infrastructure?: GatewayInfrastructure;
  readonly listeners: readonly Listener[];
  readonly tls?: GatewayTLSConfig;
}

export interface GatewaySpecAddress {
  readonly type?: string;
  readonly value?: string;
}

export interface GatewayStatus {
  readonly addresses?: readonly GatewayStatusAddress[];
  readonly attachedListenerSets?: number;
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly ListenerStatus[];
}

export interface GatewayStatusAddress {
  readonly type?: string;
  readonly value: string;
}

export interface GatewayTLSConfig {
  readonly backend?: GatewayBackendTLS;
  readonly frontend?: FrontendTLSConfig;
}

export interface HTTPBackendRef {
  readonly filters?: readonly HTTPRouteFilter[];
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly weight?: number;
}

export interface HTTPCORSFilter {
  readonly allowCredentials?: boolean;
  readonly allowHeaders?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowOrigins?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: number;
}

export interface HTTPHeader {
  readonly name: string;
  readonly value: string;
}

export interface HTTPHeaderFilter {
  readonly add?: readonly HTTPHeader[];
  readonly remove?: readonly string[];
  readonly set?: readonly HTTPHeader[];
}

export interface HTTPHeaderMatch {
  readonly name: string;
  readonly type?: string;
  readonly value: string;
}

export interface HTTPPathMatch {
  readonly type?: string;
  readonly value?: string;
}

export interface HTTPPathModifier {
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
  readonly type: string;
}

export interface HTTPQueryParamMatch {
  readonly name: string;
  readonly type?: string;
  readonly value: string;
}

export interface HTTPRequestMirrorFilter {
  readonly backendRef: BackendObjectReference;
  readonly fraction?: Fraction;
  readonly percent?: number;
}

export interface HTTPRequestRedirectFilter {
  readonly hostname?: string;
  readonly path?: HTTPPathModifier;
  readonly port?: number;
  readonly scheme?: string;
  readonly statusCode?: number;
}

export interface HTTPRoute extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: HTTPRouteSpec;
  readonly status?: RouteStatus;
}

export interface HTTPRouteFilter {
  readonly cors?: HTTPCORSFilter;
  readonly extensionRef?: LocalObjectReference;
  readonly requestHeaderModifier?: HTTPHeaderFilter;
  readonly requestMirror?: HTTPRequestMirrorFilter;
  readonly requestRedirect?: HTTPRequestRedirectFilter;
  readonly responseHeaderModifier?: HTTPHeaderFilter;
  readonly type: string;
  readonly urlRewrite?: HTTPURLRewriteFilter;
}

export interface HTTPRouteList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly HTTPRoute[];
}

export interface HTTPRouteMatch {
  readonly headers?: readonly HTTPHeaderMatch[];
  readonly method?: string;
  readonly path?: HTTPPathMatch;
  readonly queryParams?: readonly HTTPQueryParamMatch[];
}

export interface HTTPRouteRule {
  readonly backendRefs?: readonly HTTPBackendRef[];
  readonly filters?: readonly HTTPRouteFilter[];
  readonly matches?: readonly HTTPRouteMatch[];
  readonly name?: string;
  readonly timeouts?: HTTPRouteTimeouts;
}

export interface HTTPRouteSpec {
  readonly hostnames?: readonly string[];
  readonly parentRefs?: readonly ParentReference[];
  readonly rules?: readonly HTTPRouteRule[];
}

export interface HTTPRouteTimeouts {
  readonly backendRequest?: string;
  readonly request?: string;
}

export interface HTTPURLRewriteFilter {
  readonly hostname?: string;
  readonly path?: HTTPPathModifier;
}

export interface L4RouteRule {
  readonly backendRefs: readonly BackendRef[];
  readonly name?: string;
}

export interface Listener {
  readonly allowedRoutes?: AllowedRoutes;
  readonly hostname?: string;
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: ListenerTLSConfig;
}

export interface ListenerNamespaces {
  readonly from?: string;
  readonly selector?: NamespaceSelector;
}

export interface ListenerSet extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: ListenerSetSpec;
  readonly status?: ListenerSetStatus;
}

export interface ListenerSetList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly ListenerSet[];
}

export interface ListenerSetSpec {
  readonly listeners: readonly Listener[];
  readonly parentRef: ParentGatewayReference;
}

export interface ListenerSetStatus {
  readonly conditions?: readonly Condition[];
  readonly listeners?: readonly ListenerStatus[];
}

export interface ListenerStatus {
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
  readonly name: string;
  readonly supportedKinds?: readonly RouteGroupKind[];
}

export interface ListenerTLSConfig {
  readonly certificateRefs?: readonly SecretObjectReference[];
  readonly mode?: string;
  readonly options?: { readonly [key: string]: string };
}

export interface LocalObjectReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
}

export interface LocalPolicyTargetReferenceWithSectionName {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly sectionName?: string;
}

export interface NamespaceSelector {
  readonly matchExpressions?: readonly NamespaceSelectorRequirement[];
  readonly matchLabels?: { readonly [key: string]: string };
}

export interface NamespaceSelectorRequirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export interface ObjectReference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface ParentGatewayReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface ParentReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly port?: number;
  readonly sectionName?: string;
}

export interface PolicyAncestorStatus {
  readonly ancestorRef: ParentReference;
  readonly conditions: readonly Condition[];
  readonly controllerName: string;
}

export interface PolicyStatus {
  readonly ancestors: readonly PolicyAncestorStatus[];
}

export interface ReferenceGrant extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: ReferenceGrantSpec;
}

export interface ReferenceGrantFrom {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

export interface ReferenceGrantList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly ReferenceGrant[];
}

export interface ReferenceGrantSpec {
  readonly from: readonly ReferenceGrantFrom[];
  readonly to: readonly ReferenceGrantTo[];
}

export interface ReferenceGrantTo {
  readonly group: string;
  readonly kind: string;
  readonly name?: string;
}

export interface RouteGroupKind {
  readonly group?: string;
  readonly kind: string;
}

export interface RouteNamespaces {
  readonly from?: string;
  readonly selector?: NamespaceSelector;
}

export interface RouteParentStatus {
  readonly conditions: readonly Condition[];
  readonly controllerName: string;
  readonly parentRef: ParentReference;
}

export interface RouteStatus {
  readonly parents: readonly RouteParentStatus[];
}

export interface SecretObjectReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface SubjectAltName {
  readonly hostname?: string;
  readonly type: string;
  readonly uri?: string;
}

export interface SupportedFeature {
  readonly name: string;
}

export interface TCPRoute extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: TCPRouteSpec;
  readonly status?: RouteStatus;
}

export interface TCPRouteList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly TCPRoute[];
}

export interface TCPRouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly rules: readonly L4RouteRule[];
}

export interface TLSConfig {
  readonly validation?: FrontendTLSValidation;
}

export interface TLSPortConfig {
  readonly port: number;
  readonly tls: TLSConfig;
}

export interface TLSRoute extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: TLSRouteSpec;
  readonly status?: RouteStatus;
}

export interface TLSRouteList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly TLSRoute[];
}

export interface TLSRouteSpec {
  readonly hostnames: readonly string[];
  readonly parentRefs?: readonly ParentReference[];
  readonly rules: readonly L4RouteRule[];
}

export interface UDPRoute extends TypeMeta {
  readonly metadata?: ObjectMeta;
  readonly spec: TCPRouteSpec;
  readonly status?: RouteStatus;
}

export interface UDPRouteList extends TypeMeta {
  readonly metadata?: ListMeta;
  readonly items: readonly UDPRoute[];
}
