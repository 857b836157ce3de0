/**
 * Every bound in one place, with what happens at it. Units come last in the name. Where upstream has the same limit, the
 * figure is upstream's, because clients rely on it.
 */
export const limits = {
  /** A request body (bytes), as upstream's. At it: 413 RequestEntityTooLarge. */
  requestBodyBytesMax: 3 * 1024 * 1024,
  /** Headers of one request (bytes). `kubectl exec` carries whole scripts in its URL. At it: 431. */
  headerBytesMax: 1024 * 1024,
  /** An object as stored (bytes); etcd's limit upstream. At it: 413 RequestEntityTooLarge. */
  objectBytesMax: 1.5 * 1024 * 1024,
  /** Nesting of JSON or YAML. At it: 400 BadRequest. */
  nestingDepthMax: 64,
  /** Nodes that the aliases of one YAML document may repeat. At it: 400 BadRequest. */
  yamlAliasedNodesMax: 100_000,
  /** Operations in one JSON patch, as upstream's. At it: 413 RequestEntityTooLarge. */
  jsonPatchOperationsMax: 10_000,
  /** Changes kept so that watches can resume. Beyond it: 410 Expired, and the client lists again. */
  watchHistoryEventsMax: 50_000,
  /** The same history, in bytes of JSON: it is most of what an idle cluster would hold in memory. Beyond it: as above. */
  watchHistoryBytesMax: 64 * 1024 * 1024,
  /** The same history, in time; upstream compacts etcd as often. Beyond it: as above. */
  watchHistoryMsMax: 5 * 60 * 1000,
  /** Events that wait for one slow watcher. At it: the watch ends, and the client resumes or lists again. */
  watchBufferEventsMax: 10_000,
  /** Writes that wait for the disk. At it: 429 TooManyRequests with `Retry-After`. */
  pendingWritesMax: 10_000,
  /** Writes that share one commit, and their JSON (bytes): bounds how long one commit takes. Beyond it: the next commit. */
  commitWritesMax: 1_000,
  commitBytesMax: 8 * 1024 * 1024,
  /** The state file (bytes); etcd's largest advised size upstream. At it: writes are refused as on a full disk. */
  stateFileBytesMax: 8 * 1024 * 1024 * 1024,
  /** Concurrent requests that are not watches. At it: 429 TooManyRequests with `Retry-After`. */
  requestsInFlightMax: 1_000,
  /** How long a request that is neither watch nor log may take, as upstream's. At it: 504 Timeout. */
  requestMsMax: 60_000,
  /** Concurrent requests, watches included, on one HTTP/2 connection. At it: the client's transport waits or opens another. */
  streamsPerConnectionMax: 1_000,
  /** How long an Event is kept, as upstream's default. */
  eventTimeToLiveMs: 60 * 60 * 1000,
} as const;
