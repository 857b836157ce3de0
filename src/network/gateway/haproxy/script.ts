/**
 * What HAProxy cannot say in its own language, in Lua, loaded where a plan needs it: copies of requests (it has no mirror of its own), and htpasswd's
 * `$apr1$` and `{SHA}` hashes, which crypt(3) does not know; and questions about requests: see `external-auth.ts`.
 *
 * Each thread has a state of its own, so that threads do not wait for each other. A copy is sent by a task of its own, to a listener of ours that hands it
 * to the mirror's servers: the request neither waits for it nor fails with it.
 */
import { authScript, type KnownAuth } from './external-auth.ts';
import { luaText } from './lua.ts';
import { mirrorAddress } from './names.ts';

/** Copies under way in one thread: more are not made. */
const copiesMax = 200;
const copyTimeoutMs = 5000;
/** Verified passwords that are remembered, by a hash: the next request with it costs nothing. */
const rememberedMax = 1000;

export function scriptText(
  id: string,
  users: ReadonlyMap<string, ReadonlyMap<string, string>>,
  auths: ReadonlyMap<string, KnownAuth>,
): string {
  return `${mirrorText(id)}${users.size === 0 ? '' : usersText(users)}${authScript(id, auths)}`;
}

function mirrorText(id: string): string {
  return `
local copies = 0
local methods = { GET = true, HEAD = true, POST = true, PUT = true, DELETE = true }

core.register_action("naru_mirror", { "http-req" }, function(txn, target)
  local method = txn.sf:method()
  local length = tonumber(txn.sf:req_hdr("content-length")) or 0
  if copies >= ${copiesMax} or not methods[method] then return end
  local body = txn.sf:req_body()
  if #body < length or txn.sf:req_hdr("transfer-encoding") ~= "" and txn.sf:req_body_size() ~= #body then return end
  local headers = txn.http:req_get_headers()
  local host = headers["host"] and headers["host"][0] or "mirror"
  local path = txn.sf:pathq()
  headers["connection"] = nil
  headers["transfer-encoding"] = nil
  headers["content-length"] = nil
  headers["expect"] = nil
  headers["upgrade"] = nil
  headers["x-naru-mirror"] = { [0] = target }
  copies = copies + 1
  core.register_task(function()
    local client = core.httpclient()
    local call = client[string.lower(method)]
    local request = { url = "http://mirror" .. path, headers = headers, dst = "${mirrorAddress(id)}", timeout = ${copyTimeoutMs} }
    headers["host"] = { [0] = host }
    if #body > 0 then request.body = body end
    pcall(call, client, request)
    copies = copies - 1
  end)
end, 1)
`;
}

/** apr1 is MD5 a thousand times over, as Apache's apr_md5.c mixes it. */
function usersText(users: ReadonlyMap<string, ReadonlyMap<string, string>>): string {
  const lists = [...users].map(([name, list]) => {
    const rows = [...list].map(([user, hash]) => `[${luaText(user)}] = ${luaText(hash)}`);
    return `[${luaText(name)}] = { ${rows.join(', ')} }`;
  });
  return `
local lists = { ${lists.join(',\n')} }
local alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local function encode(value, count)
  local text = ""
  for _ = 1, count do
    text = text .. alphabet:sub((value & 63) + 1, (value & 63) + 1)
    value = value >> 6
  end
  return text
end

local function apr1(c, password, salt)
  local md5 = function(text) return c:digest(text, "md5") end
  local inner = md5(password .. salt .. password)
  local text = password .. "$apr1$" .. salt
  for left = #password, 1, -16 do text = text .. inner:sub(1, math.min(16, left)) end
  local length = #password
  while length > 0 do
    text = text .. ((length & 1) == 1 and "\\0" or password:sub(1, 1))
    length = length >> 1
  end
  local sum = md5(text)
  for round = 0, 999 do
    local mixed = (round & 1) == 1 and password or sum
    if round % 3 ~= 0 then mixed = mixed .. salt end
    if round % 7 ~= 0 then mixed = mixed .. password end
    sum = md5(mixed .. ((round & 1) == 1 and sum or password))
  end
  local b = { sum:byte(1, 16) }
  local out = ""
  for _, g in ipairs({ { 1, 7, 13 }, { 2, 8, 14 }, { 3, 9, 15 }, { 4, 10, 16 }, { 5, 11, 6 } }) do
    out = out .. encode(b[g[1]] << 16 | b[g[2]] << 8 | b[g[3]], 4)
  end
  return out .. encode(b[12], 2)
end

local function fits(c, password, hash)
  local salt, sum = hash:match("^%$apr1%$([^$]+)%$(.+)$")
  if salt then return #password <= 256 and #salt <= 8 and apr1(c, password, salt) == sum end
  if hash:sub(1, 5) == "{SHA}" then return c:base64(c:digest(password, "sha1")) == hash:sub(6) end
  return false
end

local known, count = {}, 0
core.register_fetches("naru_user", function(txn, list)
  local user, password = txn.f:http_auth_user(), txn.f:http_auth_pass()
  local hash = user and password and lists[list] and lists[list][user]
  if not hash then return false end
  local key = txn.c:digest(hash .. "\\0" .. password, "sha256")
  if known[key] == nil then
    if count >= ${rememberedMax} then known, count = {}, 0 end
    known[key] = fits(txn.c, password, hash)
    count = count + 1
  end
  return known[key]
end)
`;
}
