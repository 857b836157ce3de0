/**
 * What HAProxy is to do on a node, as a value: made of Ingresses by `ingress/` and of Gateway API objects by `routes/`, joined by `merge.ts`, turned into
 * files, maps and commands by `haproxy/`. Knows neither annotations nor HAProxy's language: only what happens to a request.
 *
 * ```
 *   Entry (address, port) ─▶ by server name: passed through, or terminated ─▶ by host: VirtualHost ─▶ first Route that matches ─▶ Backend ─▶ Server
 * ```
 */

/** Which object something comes from, for logs, events and ids. */
export interface Source {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** `metadata.creationTimestamp`: where two objects want the same, the older has it. */
  readonly created?: string;
}

export interface Plan {
  readonly entries: readonly Entry[];
  /** By id: `default/web:http` and the like; the same id from two sources is the same backend. */
  readonly backends: ReadonlyMap<string, Backend>;
}

/** `*` is every address of the node. No two entries of a plan share address and port. */
export interface Entry {
  readonly address: string;
  readonly port: number;
  readonly protocol: 'http' | 'https' | 'tls' | 'tcp';
  /** Clients in these ranges (CIDR) send a PROXY header; others must not. */
  readonly acceptProxyFrom: readonly string[];
  /** Of `http` and `https`. Exact hosts win over wildcards, longer wildcards over shorter ones, `*` is last. */
  readonly hosts: readonly VirtualHost[];
  /** Of `https` and `tls`: what is terminated here. A name without one is refused, or gets the one whose serverName is `*`. */
  readonly certificates: readonly Certificate[];
  /** Of `https` and `tls`: connections for these server names go on as they are. */
  readonly passThrough: readonly {
    readonly serverName: string;
    readonly targets: readonly Target[];
    readonly source: Source;
  }[];
  /** Of `tls`: terminated connections by server name, as bytes. */
  readonly terminated: readonly {
    readonly serverName: string;
    readonly targets: readonly Target[];
    readonly source: Source;
  }[];
  /** Of `tcp`. */
  readonly targets: readonly Target[];
  /** Of `https`: the client must show a certificate that one of these (PEM) signed; `optional` lets it through and says so in headers. */
  readonly clientAuthorities?: { readonly pem: string; readonly isOptional: boolean };
  /**
   * Of `http` and `https`: text that answers an exact path with 200, whatever the host, before all else: what shows an ACME authority that names are
   * ours. Comes and goes while certificates are made: a map that changes at run time.
   */
  readonly answers?: readonly { readonly path: string; readonly body: string }[];
}

export interface Certificate {
  /** `example.com`, `*.example.com`, `*`. */
  readonly serverName: string;
  /** `namespace/name` of the Secret: the name of its file. */
  readonly id: string;
  /** Private key and chain, checked to fit each other by whoever made the plan. */
  readonly pem: string;
  /**
   * Clients of this server name alone must show a certificate that one of these (PEM) signed; `optional` lets it through and says so in headers. Requests
   * for this host that came under another server name get 421: they would pass by the check.
   */
  readonly clientAuthorities?: { readonly pem: string; readonly isOptional: boolean };
}

export interface VirtualHost {
  /** `example.com`, `*.example.com` (one label or more, as its source means it), `*`. */
  readonly host: string;
  /** `*.example.com` matches exactly one label (Ingress), or one and more (Gateway API). */
  readonly isOneLabel?: boolean;
  /** The first that matches is taken: in order of precedence. */
  readonly routes: readonly Route[];
}

export type TextMatch = { readonly kind: 'exact' | 'regex'; readonly value: string };

export interface RouteMatch {
  /** `prefix` by whole path elements: `/a` matches `/a` and `/a/b`, not `/ab`. `regex` (RE2's common subset) matches from the start. */
  readonly path: { readonly kind: 'exact' | 'prefix' | 'regex'; readonly value: string; readonly ignoreCase?: boolean };
  readonly method?: string;
  readonly headers: readonly (TextMatch & { readonly name: string })[];
  readonly query: readonly (TextMatch & { readonly name: string })[];
  /** Clients in these ranges alone. */
  readonly clients?: readonly string[];
  readonly cookie?: { readonly name: string; readonly value: string };
}

export interface Route {
  /** Unique in the plan, and stable while its source means the same: `HTTPRoute/default/web/0/1`. */
  readonly id: string;
  readonly source: Source;
  readonly match: RouteMatch;
  /** In order, before the action. */
  readonly filters: readonly Filter[];
  readonly action: Action;
}

export type Action =
  | { readonly kind: 'forward'; readonly targets: readonly Target[]; readonly options?: ForwardOptions }
  | { readonly kind: 'redirect'; readonly status: number; readonly to: UrlChange }
  /** A fixed answer: 404 and 503 where nothing can be reached, ACME's answers. */
  | { readonly kind: 'respond'; readonly status: number; readonly body?: string; readonly contentType?: string };

/** Traffic goes to targets in proportion to their weights; all 0 (or none at all) answers 503 (500 where the reference is not valid). */
export interface Target {
  readonly backend: string;
  readonly weight: number;
  /** For what goes to this target alone. */
  readonly filters: readonly Filter[];
  /** The reference leads nowhere: its share of the requests gets this status. */
  readonly unresolvedStatus?: number;
}

export interface ForwardOptions {
  readonly requestTimeoutMs?: number;
  readonly backendTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  readonly retries?: {
    readonly attempts: number;
    readonly backoffMs?: number;
    readonly statuses: readonly number[];
    readonly onConnectFailure?: boolean;
  };
  /** Stickiness by a cookie. */
  readonly cookie?: {
    readonly name: string;
    readonly maxAgeSeconds?: number;
    readonly path?: string;
    readonly isSession: boolean;
    readonly sameSite?: string;
    readonly domain?: string;
    readonly isSecure?: boolean;
  };
  /** Stickiness by a hash of the client's address, a header or the path. */
  readonly hash?: { readonly kind: 'client' | 'header' | 'uri'; readonly name?: string };
  readonly bodyBytesMax?: number;
  /** Requests a second of one client's address. */
  readonly rateLimit?: {
    readonly perSecond: number;
    readonly burst: number;
    /** Clients in these ranges are not counted. */
    readonly exempt?: readonly string[];
  };
  readonly connectionsMax?: number;
}

/** What a redirect or a rewrite puts in place of the request's own parts. */
export interface UrlChange {
  /** Of redirects: the whole location as it stands; there are no other parts, and nothing of the request is added. */
  readonly location?: string;
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly path?:
    | { readonly kind: 'full'; readonly value: string }
    /** In place of the part that the route's prefix matched. */
    | { readonly kind: 'prefix'; readonly value: string }
    /** With `$1` … of the route's regular expression. */
    | { readonly kind: 'regex'; readonly value: string };
}

export interface HeaderChange {
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
  readonly remove: readonly string[];
}

export type Filter =
  | { readonly kind: 'requestHeaders'; readonly change: HeaderChange }
  | { readonly kind: 'responseHeaders'; readonly change: HeaderChange }
  | { readonly kind: 'rewrite'; readonly to: UrlChange }
  | { readonly kind: 'mirror'; readonly backend: string; readonly percent: number }
  | { readonly kind: 'cors'; readonly cors: Cors }
  | { readonly kind: 'allowClients'; readonly ranges: readonly string[] }
  | { readonly kind: 'denyClients'; readonly ranges: readonly string[] }
  /** Lines of htpasswd. */
  | { readonly kind: 'basicAuth'; readonly realm: string; readonly users: readonly string[] }
  /**
   * A server is asked first, with the request's headers and without its body: 2xx lets the request pass, 401 and 403 are passed on, anything else is 500.
   * In `path` and `signIn` stand nginx's `$scheme`, `$host`, `$http_host`, `$request_uri`, `$escaped_request_uri`, `$request_method`.
   */
  | {
      readonly kind: 'externalAuth';
      /** Absent: the plan itself, at the request's own host. */
      readonly backend?: string;
      /** Absent: the request's own. */
      readonly host?: string;
      readonly path: string;
      /** `GET` where absent. */
      readonly method?: 'GET' | 'HEAD' | 'POST';
      /** Of the answer; they take the place of the request's own, also where the answer has none. */
      readonly responseHeaders: readonly string[];
      /** Where 401 leads to. */
      readonly signIn?: string;
    };

export interface Cors {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly allowCredentials: boolean;
  readonly maxAgeSeconds: number;
}

export interface Backend {
  readonly id: string;
  readonly source: Source;
  readonly protocol: 'http' | 'h2c' | 'https' | 'h2' | 'tcp' | 'tls';
  readonly servers: readonly Server[];
  readonly balance?: 'roundrobin' | 'leastconn' | 'random' | 'source';
  /** How its certificate is checked, for `https`, `h2`, `tls`. */
  readonly tls?: {
    readonly serverName?: string;
    /** PEM; `system`: the machine's own; absent: not checked. */
    readonly authorities?: string;
    readonly verifiedNames?: readonly string[];
    readonly clientCertificate?: Certificate;
  };
  readonly sendProxy?: 'v1' | 'v2';
}

/** A server that drains gets no new requests; what it is doing goes on. */
export interface Server {
  /** An IP address, or a DNS name that is asked for again and again (ExternalName). */
  readonly address: string;
  readonly port: number;
  readonly isDraining: boolean;
  readonly nodeName?: string;
}
