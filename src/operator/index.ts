/**
 * `naru/operator`: what programs that extend a cluster are made of. Start with docs/operators.md and examples/website-operator.
 *
 * ```
 *  defineKind ── its type, its resource, its CustomResourceDefinition
 *  controller ── reconcile(object, view) → Plan, carried out by server-side apply
 *  validating, mutating, conversion ── webhooks as functions
 *  runOperator ── all of it as a program: leader election, certificates, health, metrics, an end in good order
 * ```
 */
export type { KubeObject, ObjectReference } from '../api/object.ts';
export { hasReason, StatusError } from '../api/status-error.ts';
export type { Client, ListQuery, Resource } from '../client/client.ts';
export { ControlLoop, type Outcome } from '../client/controller.ts';
export { EventRecorder } from '../client/events.ts';
export { httpsClient } from '../client/https-client.ts';
export { Informer, type InformerHandler, InformerSet } from '../client/informer.ts';
export * as resources from '../client/resources.ts';
export { type Clock, RealClock, VirtualClock } from '../lib/clock.ts';
export { JsonLogger, type Logger, silentLogger } from '../lib/log.ts';
export { MetricRegistry } from '../lib/metrics.ts';
export { type Prng, SeededPrng, unseededPrng } from '../lib/prng.ts';
export type { Service } from '../lib/service.ts';
export { WorkQueue } from '../lib/work-queue.ts';
export {
  type ControllerOptions,
  controller,
  type OperatorContext,
  type View,
  type Watch,
  watch,
} from './controller.ts';
export { type ClusterChoice, findCluster } from './find-cluster.ts';
export { jsonDiff } from './json-diff.ts';
export {
  type Conversion,
  type CustomObject,
  defineKind,
  definitionOf,
  type Kind,
  type ObjectOf,
  yamlOf,
} from './kind.ts';
export { LeaderElection, type LeaderElectionOptions } from './leader-election.ts';
export { type OperatorOptions, type RunningOperator, runOperator, startOperator } from './operator.ts';
export {
  type ConditionWish,
  conditionsOf,
  conditionsSchema,
  impossible,
  type Plan,
  type PlannedEvent,
  type StatusCondition,
  type StatusOf,
  type Wish,
  wait,
  want,
} from './plan.ts';
export type { FromSchema, Rule, Schema } from './schema-type.ts';
export { WebhookServer, type WebhookServerOptions } from './webhook-server.ts';
export { allow, conversion, deny, mutating, type Verdict, validating, type Webhook, type Write } from './webhooks.ts';
