/**
 * Every bound in one place, with what happens at it. Units come last in the name. Where upstream has the same limit, the
 * figure is upstream's, because clients rely on it.
 */
export const limits = {
  /** A request body (bytes), as upstream's. At it: 413 RequestEntityTooLarge. */
  requestBodyBytesMax: 3 * 1024 * 1024,
  /**
   * The same of what is answered and not stored (access and token reviews, bindings, evictions): everybody may send some of these, and
   * three megabytes take the better part of a second to read.
   */
  unstoredBodyBytesMax: 256 * 1024,
  /** What a client sends on after it was refused (bytes) is taken and dropped, so that it reads why. Above it: its connection is closed. */
  droppedBodyBytesMax: 16 * 1024 * 1024,
  /** How long such a client may take for it. At it: the same. */
  droppedBodyMsMax: 60_000,
  /** Headers of one request (bytes). `kubectl exec` carries whole scripts in its URL. At it: 431. */
  headerBytesMax: 1024 * 1024,
  /** Parameters in one URL: a megabyte of them would take seconds to take apart. At it: 400 BadRequest. */
  queryParametersMax: 10_000,
  /** Segments of a path that are looked at: no resource has as many. Beyond it: they are as absent. */
  pathSegmentsMax: 64,
  /** A selector as text (characters): twenty microseconds a requirement. At it: 400 BadRequest, or left out of an access review, as one that cannot be read. */
  selectorCharactersMax: 64 * 1024,
  /** Requirements of a selector in an access review, with their values. At it: 422 Invalid. */
  reviewRequirementsMax: 1_000,
  /** What a client says of whom it would act as (characters of headers). At it: 400 BadRequest. */
  impersonationCharactersMax: 64 * 1024,
  /** Broken rules that one answer tells. Beyond it: the rest is not told. */
  fieldErrorsMax: 1_000,
  /** A key of a map in the path of an error or an unknown field (characters). Beyond it: the rest is not shown. */
  shownKeyCharactersMax: 1024,
  /** An `Accept` header whose meaning is remembered (characters), and parameters of one of its ranges. Beyond: worked out anew; left out. */
  acceptCharactersKept: 1024,
  acceptParametersMax: 32,
  /** A URL in the log (characters). Beyond it: the rest is left out. */
  loggedUrlCharactersMax: 2_048,
  /** Rules of one user that are told to whoever asks, or count as held by who would grant some. Beyond it: the answer is incomplete. */
  rulesToldMax: 20_000,
  /** Comparisons of rules that a role or binding may ask for, one for each verb of each resource and each rule held. At it: 403 Forbidden. */
  grantComparisonsMax: 500_000,
  /**
   * Stored objects of so many bytes (heavy CustomResourceDefinitions) are held compressed, in a hundredth of the room, and decoded for who asks;
   * from so long after they were written or read from disk on, so many bytes at a time.
   */
  packedObjectBytesMin: 64 * 1024,
  packAfterMs: 1_000,
  packedAtOnceBytes: 1024 * 1024,
  /** An object as stored (bytes); etcd's limit upstream. At it: 413 RequestEntityTooLarge. */
  objectBytesMax: 1.5 * 1024 * 1024,
  /** Nesting of JSON or YAML. At it: 400 BadRequest. */
  nestingDepthMax: 256,
  /** Nesting of the FieldsV1 of a managedFields entry. At it: the entry is invalid, as one that cannot be read. */
  fieldSetDepthMax: 256,
  /** managedFields entries of updaters, as upstream's. Beyond it: the oldest become one, `ancient-changes`. */
  updateManagersMax: 10,
  /** All annotations of one object (bytes), as upstream's. An apply does not keep kubectl's own annotation beyond it. */
  annotationsBytesMax: 256 * 1024,
  /** A YAML text that the library has to read, at half a megabyte a second or less (characters). At it: 400 BadRequest. */
  yamlCharactersMax: 512 * 1024,
  /** Such a text that is read between other requests (characters), in a tenth of a second. Above it: a thread of its own reads it. */
  yamlCharactersInlineMax: 16 * 1024,
  /** Texts that wait for that thread (characters): some twenty seconds of its time. At it: 429 TooManyRequests with `Retry-After`. */
  yamlWaitingCharactersMax: 2 * 1024 * 1024,
  /** How long that thread may read one text, and its heap (MiB): several times what the worst text needs. At them: 400 BadRequest. */
  yamlReadMsMax: 30_000,
  yamlHeapMebibytesMax: 512,
  /** Nodes that the aliases of one YAML document may repeat, and characters in them: a whole body's. At it: 400 BadRequest. */
  yamlAliasedNodesMax: 100_000,
  yamlAliasedCharactersMax: 3 * 1024 * 1024,
  /** Operations in one JSON patch, as upstream's. At it: 413 RequestEntityTooLarge. */
  jsonPatchOperationsMax: 10_000,
  /** Items of lists that one JSON patch may move to make room or close a gap, three nanoseconds each. At it: the same. */
  jsonPatchShiftsMax: 100_000_000,
  /** Changes kept so that watches can resume. Beyond it: 410 Expired, and the client lists again. */
  watchHistoryEventsMax: 50_000,
  /** The same history, in bytes of JSON: it is most of what an idle cluster would hold in memory. Beyond it: as above. */
  watchHistoryBytesMax: 64 * 1024 * 1024,
  /** The same history, in time; upstream compacts etcd as often. Beyond it: as above. */
  watchHistoryMsMax: 5 * 60 * 1000,
  /** Events that wait for one slow watcher. At it: the watch ends, and the client resumes or lists again. */
  watchBufferEventsMax: 10_000,
  /** The same, in bytes: what waits keeps old versions of objects in memory. At it: as above. */
  watchBufferBytesMax: 64 * 1024 * 1024,
  /** A watch over HTTP without `timeoutSeconds` lasts so long, and up to as much again by chance, as upstream's. At it: it ends, and the client resumes. */
  watchSecondsMin: 30 * 60,
  /** How long a read waits for a `resourceVersion` that lies ahead, as upstream's. At it: 504 Timeout. */
  freshnessMsMax: 3_000,
  /** Writes that wait for the disk. At it: 429 TooManyRequests with `Retry-After`. */
  pendingWritesMax: 10_000,
  /** Writes that share one commit, and their JSON (bytes): bounds how long one commit takes. Beyond it: the next commit. */
  commitWritesMax: 1_000,
  commitBytesMax: 8 * 1024 * 1024,
  /** The state file (bytes); etcd's largest advised size upstream. At it: writes are refused as on a full disk. */
  stateFileBytesMax: 8 * 1024 * 1024 * 1024,
  /**
   * Concurrent requests that change something, and such as only read; watches and their like left out. Upstream lets 200 and 400 run
   * and holds thousands in queues; here those that wait for the disk count, too. At it: 429 TooManyRequests with `Retry-After`.
   */
  mutatingRequestsInFlightMax: 1_000,
  readOnlyRequestsInFlightMax: 1_000,
  /** How long a request that is neither watch nor log may take, as upstream's. At it: 504 Timeout. */
  requestMsMax: 60_000,
  /** How long a closing server waits for requests under way. At it: their connections are cut. */
  drainMsMax: 8_000,
  /** Series of one metric. Beyond it: all others share the series whose labels are `unexpected`. */
  metricSeriesMax: 10_000,
  /** Audit events that wait for the disk, as upstream's batch buffer, and their bytes. At it: events are dropped, and counted. */
  auditQueueEventsMax: 10_000,
  auditQueueBytesMax: 64 * 1024 * 1024,
  /**
   * A body within an audit event (bytes). Above it, and where a body is YAML that a thread of its own would have to read
   * (`yamlCharactersInlineMax`): the event goes without it, annotated `audit.k8s.io/truncated`.
   */
  auditObjectBytesMax: 1024 * 1024,
  /** Concurrent requests, watches included, on one HTTP/2 connection. At it: the client's transport waits or opens another. */
  streamsPerConnectionMax: 1_000,
  /** Evictions that a disruption budget remembers until its controller has seen them, as upstream's. Beyond it: 403 Forbidden. */
  disruptedPodsMax: 2_000,
  /** How long a write may wait until it is noted in its quotas, as upstream. At it: 500, or the refusal where it waits for room. */
  quotaWaitMsMax: 10_000,
  /** All warnings of one answer (characters), as upstream's. Beyond it: each is cut to the second figure, and those after that many are left out. */
  warningCharactersMax: 4 * 1024,
  cutWarningCharactersMax: 256,
  /** Warnings about one pod. Beyond it: the rest is not told. */
  podWarningsMax: 100,
  /** Pods of a namespace that are held against a stricter Pod Security level, and how long that may take, as upstream's. Beyond: the rest is not looked at, and the warning says so. */
  podSecurityPodsMax: 3_000,
  podSecurityCheckMsMax: 1_000,
  /** How long a service account's token may be asked to hold (seconds), as upstream. Outside of it: 422 Invalid. */
  tokenSecondsMin: 10 * 60,
  tokenSecondsMax: 2 ** 32,
  /** How long a pod's token holds at most, as upstream: a year, for programs that never read it again. */
  podTokenMsMax: 365 * 24 * 60 * 60 * 1000,
  /** Keys for service accounts' tokens in one file. Above it: the file is not used, and named. */
  tokenKeysMax: 16,
  /** How often the server looks whether that file has changed. */
  keyFileLookMs: 2_000,
  /** How long others may keep the published keys, as upstream. A new key signs no earlier. */
  publishedKeysKeptMs: 60 * 60 * 1000,
  /** Notes under way of when tokens from Secrets were used. At it: noted when the token is next shown. */
  legacyTokenNotesMax: 64,
  /** The ConfigMap that says since when they are noted is made anew no more often, as upstream. */
  legacyTrackingRemadeMs: 30 * 60 * 1000,
  /** How long nobody may have used a token that was made with its account, before it is marked invalid and, as long again, removed. */
  legacyTokenUnusedMsMax: 365 * 24 * 60 * 60 * 1000,
  /** Tokens whose signature is remembered as good. Beyond it: the oldest is checked again when it is next shown. */
  verifiedTokensMax: 4_096,
  /** Such a token (characters). Above it: it is checked each time, so that long ones cannot fill the memory. */
  verifiedTokenCharactersMax: 8 * 1024,
  /** How long a node dials a pod, or itself, for a proxied request. At it: 503 ServiceUnavailable. */
  dialMsMax: 30_000,
  /** Endpoints of a Service that are dialled for one call of the API's own, and how long each but the last. At them: the last one's failure; the next. */
  dialledEndpointsMax: 4,
  dialNextMsMax: 3_000,
  /** Webhooks and API servers outside with connections kept, and connections to one at a time. At them: the one used longest ago is let go; calls wait. */
  outsideTargetsMax: 256,
  outsideConnectionsMax: 128,
  /** What a webhook may answer (bytes): a page of objects that it converted is the most. At it: the call fails. */
  webhookAnswerBytesMax: 16 * 1024 * 1024,
  /** The same of an admission webhook: the largest object, whole in a patch in Base64, and as much for all else. At it: the call fails. */
  admissionAnswerBytesMax: 6 * 1024 * 1024,
  /** What one admission webhook may have written into the audit log for a request (characters). Beyond it: nothing of it is. */
  webhookAnnotationsCharactersMax: 64 * 1024,
  /** Requests under way to one API server outside, watches and their like left out: one that hangs must leave room for all others. At it: 429. */
  extensionRequestsInFlightMax: 300,
  /** What an API server outside may answer to a list of a namespace that is being ended (bytes). Above: the namespace waits, and says so. */
  extensionListBytesMax: 64 * 1024 * 1024,
  /** What an API server outside may say of what it serves, and its OpenAPI document (bytes). Above: what it said before counts on, as stale. */
  extensionDiscoveryBytesMax: 4 * 1024 * 1024,
  extensionOpenApiBytesMax: 32 * 1024 * 1024,
  /** OpenAPI documents of custom resources that are kept once made (bytes). Beyond it: those used longest ago are made anew when asked for. */
  openApiKeptBytesMax: 16 * 1024 * 1024,
  /** Headers of a proxied request, as they travel to the node (bytes). At it: 431. */
  proxiedHeaderBytesMax: 48 * 1024,
  /** A tag in HTML whose links the proxy rewrites (characters). Beyond it: it is passed on as it is. */
  htmlTagCharactersMax: 64 * 1024,
  /** How long an Event is kept, as upstream's default. */
  eventTimeToLiveMs: 60 * 60 * 1000,
  /** exec, attach and port-forward sessions of one node at a time. At it: 503, and the client may try again. */
  streamingSessionsMax: 1_000,
  /** Commands that start in one pod at a time: containerd 1.6 stalls for seconds from some twenty. The others wait. */
  execStartsPerPodMax: 4,
  /** How long a streaming session may be silent, as upstream's. At it: it ends with an error. */
  streamingIdleMsMax: 4 * 60 * 60 * 1000,
  /** How long the runtime's streaming server has to take a session: its upgrade, and its streams. At it: the session fails. */
  runtimeStreamMsMax: 30_000,
  /** How long a SPDY client has to open its streams, as upstream's. At it: the connection is closed. */
  streamCreationMsMax: 30_000,
  /** How many objects of the default policy are written at once, so that requests are served between. Above it: they wait for the next round. */
  policyWritesAtOnce: 32,
  /** The certificates of one ClusterTrustBundle (bytes), as upstream's. Above it: 422. */
  trustBundleBytesMax: 1024 * 1024,
  /** How long after a failure the default policy is written again. */
  policyRetryMs: 1_000,
  /** How long a connection lasts after one of its ends has said goodbye: what is under way reaches a slow client meanwhile. Then it is cut. */
  connectionLingerMsMax: 5 * 60 * 1000,
  /** One WebSocket message from a client (bytes), as upstream's. At it: close code 1009. */
  webSocketMessageBytesMax: 32 * 1024 * 1024,
  /** What a WebSocket client has not read yet (bytes). Above it: its pings are not answered, until it has. */
  webSocketUnreadBytesMax: 1024 * 1024,
  /** Standard input that waits for a program which does not read (bytes). At it: the client waits, too, and may give up. */
  stdinBufferBytesMax: 64 * 1024 * 1024,
  /** Streams of one SPDY connection at a time: two for each forwarded connection. At it: the connection is closed. */
  spdyStreamsMax: 2_000,
  /** A SPDY control frame, and the headers in it, unpacked (bytes). At it: the connection is closed. */
  spdyControlBytesMax: 64 * 1024,
  /** The file with the keys that seal stored values (bytes). Above it: it is not read. */
  keyFileBytesMax: 1024 * 1024,
  /** Values that one key seals, a quarter of what it is good for. At it: naru's own key is replaced, somebody's own complained about. */
  sealedWritesPerKeyMax: 2 ** 30,
  /** Answers to control frames that a SPDY peer leaves unread (bytes). At it: the connection is closed. */
  spdyUnreadBytesMax: 4 * 1024 * 1024,
  /** A CEL expression (characters), its nodes and its depth. At them: it does not compile. */
  celExpressionCharactersMax: 64 * 1024,
  celNodesMax: 10_000,
  celDepthMax: 250,
  /** A list, and a text (characters), that an expression makes. At them: the evaluation fails, as one that costs too much. */
  celListElementsMax: 1_000_000,
  celTextCharactersMax: 16 * 1024 * 1024,
  /** Comparisons of elements within one evaluation, which upstream does not count. At it: the same. */
  celComparisonsMax: 10_000_000,
  /** What one evaluation of a CEL expression may cost, in cel-go's units, as upstream's limit per call. At it: the evaluation fails. */
  celCostMax: 1_000_000,
  /** The same of all expressions of one policy and binding about one request, of all rules on one custom object, and of match conditions; as upstream's. At it: the request is refused, or as `failurePolicy` says. */
  celPolicyCostMax: 10_000_000,
  celMatchConditionsCostMax: 2_500_000,
  /** What a rule in the schema of a custom resource may cost by estimate, and all rules of one version, as upstream's. At them: 422 Invalid. */
  ruleCostEstimateMax: 10_000_000,
  definitionCostEstimateMax: 100_000_000,
  /** All rules of one definition (characters, and a hundred for each rule): they are compiled at once, in about a second. Above it: 422 Invalid. */
  definitionRuleCharactersMax: 256 * 1024,
  /** Compiled rules of custom kinds that are kept, some kilobytes each. Beyond it: those of the kind that was not written for longest are compiled again. */
  compiledRulesKeptMax: 4_000,
  /** What a `messageExpression` of a policy may give (bytes). Above it: the policy's own message is told. */
  policyMessageBytesMax: 5 * 1024,
  /** The value of an audit annotation that a policy makes (bytes). Above it: it is cut. */
  policyAnnotationBytesMax: 10 * 1024,
  /** Kinds that a policy has its expressions checked against, as upstream documents it. Beyond it: they are not checked. */
  policyTypesCheckedMax: 10,
  /** Expressions of one policy, and characters in them: a third of a second to compile. At it: 422 Invalid. */
  policyExpressionsMax: 1_000,
  policyExpressionCharactersMax: 128 * 1024,
  /** How long policies are evaluated for one request before others have their turn. */
  policyTurnMs: 10,
  /** Steps of one regular expression on one text, ten or twenty nanoseconds each. At it: it counts as one that does not match, or as an error. */
  regexStepsMax: 5_000_000,
  /** A bearer token (bytes). Above it: nobody is asked about it, and it is not good. */
  bearerTokenBytesMax: 128 * 1024,
  /** Answers about tokens that are remembered, as upstream's cache. Beyond it: the oldest is asked for again. */
  tokenAnswersMax: 32_768,
  /** Tokens that somebody is being asked about. At it: any other is refused. */
  tokenQuestionsMax: 1_000,
  /** Requests that an authorization webhook is being asked about. At it: the failure policy decides on any other. */
  webhookQuestionsMax: 1_000,
  /** What an issuer of tokens or a webhook may answer (bytes). At it: the answer counts as none. */
  outsideAnswerBytesMax: 1024 * 1024,
  /** How long they may take, as upstream's. At it: the call fails. */
  outsideAnswerMsMax: 30_000,
  /** How long an issuer's keys stand before a token with an unknown key may have them fetched again. */
  keySetMsMin: 5_000,
  /** A configuration file (bytes). At it: it counts as unreadable. */
  configurationFileBytesMax: 1024 * 1024,
  /** How often a configuration file is looked at again. */
  configurationFileCheckMs: 5_000,
  /** Answers of an authorization webhook that are remembered, as upstream's cache. Beyond it: the oldest is asked for again. */
  webhookAnswersMax: 8_192,
  /** Selectors whose pods the scheduler keeps counted. Beyond it: the one used longest ago is counted anew when it is needed again. */
  schedulerCountersMax: 128,
  /** Classes of pods for which the scheduler remembers what it found out about each node. Beyond it: as above. */
  schedulerClassesMax: 64,
  /** Decisions about single pods for one about their group, in this process’s one thread. Past it: what was found so far is taken, or nothing. */
  groupDecisionsMax: 5_000,
  /** Pods of one group that are decided on at once, some seconds of that thread. Beyond it: they wait for their turn, and a gang that needs more at once goes nowhere. */
  groupMembersMax: 5_000,
  /** Pods of a group that may be decided on before its back-off is over, where nothing else waits. Above it: it sits its back-off out. */
  hastyGroupMembersMax: 256,
  /** How often plugins are asked about a node in one attempt to place a group. At it: those that are left have no node. */
  groupQuestionsMax: 4_000_000,
  /** Steps of the search for a pod's devices on one node, and on all nodes of one decision, about a microsecond each. At it: the node does not come into question. */
  deviceStepsPerNodeMax: 50_000,
  deviceStepsPerDecisionMax: 250_000,
  /** Files that are looked at to tell what a pod's volume or log takes on the disk. Beyond it: the rest is not counted. */
  diskWalkEntriesMax: 500_000,
  /** Of a file below a node's /var/log (bytes). Beyond it: only its end is sent. */
  nodeLogBytesMax: 64 * 1024 * 1024,
  /** Files and bytes of a source folder that becomes an image. Beyond it: the build is refused. */
  buildFilesMax: 100_000,
  buildBytesMax: 2 * 1024 * 1024 * 1024,
  /** A package.json or a lock file (bytes). Above it: the build is refused. */
  lockFileBytesMax: 64 * 1024 * 1024,
  /** Layers that are kept for the next build (bytes). Beyond it: those not used for longest go. */
  buildCacheBytesMax: 4 * 1024 * 1024 * 1024,
  /** How long npm, apt or a builder may take. At it: it is ended, and the build fails. */
  buildStepMsMax: 15 * 60_000,
  /** Images that a node tells as made or imported on it, the newest. Beyond it: other nodes do not get the older ones from it. */
  localImagesMax: 50,
  /** The archive of an image that comes from another node (bytes), and how long nothing of it may come. At it: the pull goes on at the registry. */
  sharedImageBytesMax: 32 * 1024 * 1024 * 1024,
  sharedImageIdleMsMax: 60_000,
} as const;
