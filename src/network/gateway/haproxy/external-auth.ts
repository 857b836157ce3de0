/**
 * Requests that another server is asked about first, as `auth_request` of nginx does:
 *
 * ```
 *   request ──▶ Lua: same headers, no body ──▶ inner listener ──▶ who is asked ──▶ 2xx: on, with headers of the answer
 *                                                                              ├─▶ 401: to where one signs in, or 401
 *                                                                              ├─▶ 403: 403
 *                                                                              └─▶ anything else, nothing, too late: 500
 * ```
 * Kept true: without a 2xx nothing passes; what the answer is to say of the user, the client cannot say of itself. Requests wait beside each other, none
 * for another. Pure.
 */
import type { Filter } from '../plan.ts';
import type { Build } from './build.ts';
import { luaText } from './lua.ts';
import { mirrorAddress } from './names.ts';
import { shortHash } from './rendering.ts';
import { assertWritable, headerName, headerValue, requestPath } from './words.ts';

export type ExternalAuth = Extract<Filter, { kind: 'externalAuth' }>;

const timeoutMs = 30_000;
/** Of an answer's cookies so many get to the client: large sessions come in several. */
const cookiesMax = 4;

export interface AuthLines {
  readonly request: readonly string[];
  readonly response: readonly string[];
}

/** @param own the section that leads back to the listener itself, for who is asked at the request's own host */
export function externalAuthLines(auth: ExternalAuth, own: string | undefined, build: Build): AuthLines {
  const key = shortHash(JSON.stringify(auth));
  build.auths.set(key, { target: targetOf(auth, own, build), auth: checked(auth) });
  const cookies = Array.from({ length: cookiesMax }, (_, index) => `txn.auth_cookie${index}`);
  return {
    request: [
      'http-request set-var(txn.auth) int(0)',
      `http-request lua.naru_auth ${key}`,
      ...(auth.signIn === undefined
        ? []
        : ['http-request return status 302 hdr Location %[var(txn.auth_to)] if { var(txn.auth_to) -m found }']),
      "http-request return status 401 content-type text/plain string '401 Unauthorized' hdr WWW-Authenticate %[var(txn.auth_scheme)] if { var(txn.auth) -m int 401 } { var(txn.auth_scheme) -m found }",
      "http-request return status 401 content-type text/plain string '401 Unauthorized' if { var(txn.auth) -m int 401 }",
      'http-request deny deny_status 403 if { var(txn.auth) -m int 403 }',
      'http-request deny deny_status 500 unless { var(txn.auth) -m int 200:299 }',
    ],
    response: cookies.map(
      (name) => `http-after-response add-header Set-Cookie %[var(${name})] if { var(${name}) -m found }`,
    ),
  };
}

function targetOf({ backend }: ExternalAuth, own: string | undefined, build: Build): string {
  if (backend !== undefined) {
    build.mirrorSections.add(backend);
    return shortHash(`mirror ${backend}`);
  }
  if (own === undefined)
    throw new Error('who is asked about requests cannot be at the same host, where clients show certificates');
  const key = shortHash(`next ${own}`);
  build.innerTargets.set(key, own);
  return key;
}

function checked(auth: ExternalAuth): ExternalAuth {
  for (const name of auth.responseHeaders) headerName(name);
  if (!auth.path.startsWith('/')) throw new Error(`${JSON.stringify(auth.path)} is no path`);
  assertWritable(auth.path, 'a path');
  headerValue(auth.host ?? '');
  headerValue(auth.signIn ?? '');
  return { ...auth, path: requestPath(auth.path) };
}

export interface KnownAuth {
  readonly target: string;
  readonly auth: ExternalAuth;
}

/** The function that asks, in Lua. */
export function authScript(id: string, auths: ReadonlyMap<string, KnownAuth>): string {
  if (auths.size === 0) return '';
  return `
local auths = { ${[...auths].map(([key, known]) => `[${luaText(key)}] = ${luaRow(known)}`).join(',\n')} }

local function escaped(text)
  return (text:gsub("[^%w%-._~]", function(c) return string.format("%%%02X", c:byte()) end))
end

core.register_action("naru_auth", { "http-req" }, function(txn, key)
  local wanted = auths[key]
  local headers = txn.http:req_get_headers()
  -- Who asks about the question itself would ask without end.
  if not wanted or headers["x-naru-auth"] then return end
  local function first(from, name) return from[name] and from[name][0] end
  local uri = txn.sf:pathq()
  local facts = {
    host = tostring(txn:get_var("txn.host") or ""),
    http_host = first(headers, "host") or "",
    scheme = first(headers, "x-forwarded-proto") or "http",
    request_uri = uri,
    escaped_request_uri = escaped(uri),
    request_method = txn.sf:method(),
  }
  local function filled(text) return (text:gsub("%$([a-z_]+)", facts)) end
  for _, name in ipairs({ "connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "content-type" }) do
    headers[name] = nil
  end
  headers["host"] = { [0] = wanted.host ~= "" and wanted.host or facts.http_host }
  headers["x-naru-mirror"] = { [0] = wanted.target }
  headers["x-naru-auth"] = { [0] = "1" }
  headers["x-original-url"] = { [0] = facts.scheme .. "://" .. facts.http_host .. uri }
  headers["x-original-method"] = { [0] = facts.request_method }
  headers["x-auth-request-redirect"] = { [0] = uri }
  local client = core.httpclient()
  local question = { url = "http://auth" .. filled(wanted.path), headers = headers, dst = "${mirrorAddress(id)}", timeout = ${timeoutMs} }
  local ok, answer = pcall(client[wanted.method], client, question)
  if not ok or not answer or not answer.status then return end
  local given = answer.headers or {}
  if answer.status == 401 then
    if wanted.signin then txn:set_var("txn.auth_to", filled(wanted.signin)) end
    if first(given, "www-authenticate") then txn:set_var("txn.auth_scheme", first(given, "www-authenticate")) end
  end
  for index = 0, ${cookiesMax - 1} do
    local cookie = given["set-cookie"] and given["set-cookie"][index]
    if cookie then txn:set_var("txn.auth_cookie" .. index, cookie) end
  end
  for _, name in ipairs(wanted.headers) do
    local value = first(given, name)
    if value then txn.http:req_set_header(name, value) else txn.http:req_del_header(name) end
  end
  txn:set_var("txn.auth", answer.status)
end, 1)
`;
}

function luaRow({ target, auth }: KnownAuth): string {
  const headers = auth.responseHeaders.map((name) => luaText(name.toLowerCase())).join(', ');
  return `{ ${[
    `target = ${luaText(target)}`,
    `host = ${luaText(auth.host ?? '')}`,
    `path = ${luaText(auth.path)}`,
    `method = ${luaText((auth.method ?? 'GET').toLowerCase())}`,
    `headers = { ${headers} }`,
    ...(auth.signIn === undefined ? [] : [`signin = ${luaText(auth.signIn)}`]),
  ].join(', ')} }`;
}
