/**
 * May the node? Upstream's Node authorizer: a node reads what its own pods need and writes what is its own; for all else the rules of the
 * ClusterRole `system:node` hold, for every node alike. Reasons are upstream's.
 *
 * ```
 *  secrets, configmaps, claims, volumes, …  by name, where a path leads to the node (node-relations.ts)
 *  pods, resourceslices                     lists and watches by `spec.nodeName=NODE`
 *  nodes, leases, csinodes                  by the node's own name
 * ```
 * Kept true: what is not allowed here is not denied either; whoever comes later in the chain may allow it. A create names its object in
 * the body, which is not read yet: that one creates only what is one's own is the business of admission (NodeRestriction).
 */
import { type FieldRequirement, parseFieldSelector } from '../../api/selector.ts';
import { nodeNameOf } from '../../registry/node-identity.ts';
import type { AuthorizationAttributes, Decision, UserInfo } from '../../registry/request.ts';
import type { Decider, UserRules } from '../authorization/authorization.ts';
import { bootstrapClusterRoles } from '../rbac/bootstrap-cluster-roles.ts';
import { ruleOf } from '../rbac/policy-text.ts';
import { askedOf, ruleAllows } from '../rbac/rules.ts';
import type { NodeRelations, Related } from './node-relations.ts';

type Relations = Pick<NodeRelations, 'leadsTo'>;

interface Question {
  readonly node: string;
  readonly asked: AuthorizationAttributes;
  readonly relations: Relations;
}

/** Undefined: it may. Else why not; empty where there is nothing to say. */
type Rule = (question: Question) => string | undefined;

/** The last is naru's own: who needs which image says `server/shared-images.ts`. */
const staticRules = [...(bootstrapClusterRoles['system:node'] ?? []), 'get /naru/images/*'].map(ruleOf);

const leaseNamespace = 'kube-node-lease';
const ownVerbs: readonly string[] = ['get', 'create', 'update', 'patch', 'delete'];
const manyVerbs: readonly string[] = ['watch', 'list', 'deletecollection'];
const readVerbs: readonly string[] = ['get', 'list', 'watch'];
const statusVerbs: readonly string[] = ['update', 'patch'];
const nodeField = 'spec.nodeName';

/** By group-resource, as `pods` or `leases.coordination.k8s.io`. */
const rules: Readonly<Record<string, Rule>> = {
  secrets: (question) => mayRead(question, 'secret'),
  configmaps: (question) => mayRead(question, 'configmap'),
  persistentvolumeclaims: (question) =>
    question.asked.subresource === 'status'
      ? mayUpdateStatus(question, 'persistentvolumeclaim')
      : mayGet(question, 'persistentvolumeclaim'),
  persistentvolumes: (question) => mayGet(question, 'persistentvolume'),
  'resourceclaims.resource.k8s.io': (question) => mayGet(question, 'resourceclaim'),
  'volumeattachments.storage.k8s.io': (question) => mayGet(question, 'volumeattachment'),
  serviceaccounts: mayUseServiceAccount,
  'leases.coordination.k8s.io': mayUseLease,
  'csinodes.storage.k8s.io': mayUseCsiNode,
  'resourceslices.resource.k8s.io': mayUseResourceSlice,
  nodes: mayUseNode,
  pods: mayUsePod,
};

export class NodeAuthorizer implements Decider {
  readonly #relations: Relations;

  constructor(relations: Relations) {
    this.#relations = relations;
  }

  decide(asked: AuthorizationAttributes): Decision {
    const node = nodeNameOf(asked.user);
    if (node === undefined) return { allowed: false, reason: '' };
    if (node === '') return { allowed: false, reason: `unknown node for user ${JSON.stringify(asked.user.name)}` };
    const reason = (ruleFor(asked) ?? mayAsEveryNode)({ node, asked, relations: this.#relations });
    return reason === undefined ? { allowed: true, reason: '' } : { allowed: false, reason };
  }

  rulesFor(user: UserInfo): UserRules {
    if (nodeNameOf(user) === undefined) return { rules: [] };
    return { rules: [], incomplete: true, problem: 'node authorizer does not support user rule resolution' };
  }
}

function ruleFor({ group, resource }: AuthorizationAttributes): Rule | undefined {
  const name = group === '' ? resource : `${resource}.${group}`;
  return Object.hasOwn(rules, name) ? rules[name] : undefined;
}

function mayAsEveryNode({ asked }: Question): string | undefined {
  const question = askedOf(asked);
  return staticRules.some((rule) => ruleAllows(rule, question)) ? undefined : '';
}

/** One object by its name: also as a list or watch that a field selector narrows to it. */
function mayRead(question: Question, kind: Related): string | undefined {
  const { verb, subresource, namespace } = question.asked;
  if (!readVerbs.includes(verb)) return 'can only read resources of this type';
  if (subresource !== '') return 'cannot read subresource';
  if (namespace === '') return 'can only read namespaced object of this type';
  return isRelated(question, kind);
}

function mayGet(question: Question, kind: Related): string | undefined {
  const { verb, subresource } = question.asked;
  if (verb !== 'get') return 'can only get individual resources of this type';
  if (subresource !== '') return 'cannot get subresource';
  return isRelated(question, kind);
}

function mayUpdateStatus(question: Question, kind: Related): string | undefined {
  if (!statusVerbs.includes(question.asked.verb)) return 'can only get/update/patch this type';
  return isRelated(question, kind);
}

function isRelated({ node, asked, relations }: Question, kind: Related): string | undefined {
  if (asked.name === '') return 'No Object name found';
  if (relations.leadsTo(node, kind, asked.namespace, asked.name)) return undefined;
  return `no relationship found between node '${node}' and this object`;
}

/** Tokens of its pods' accounts; and the account itself, for credentials of image registries. */
function mayUseServiceAccount(question: Question): string | undefined {
  const { verb, subresource, name } = question.asked;
  if (verb === 'get' && subresource === '') return mayRead(question, 'serviceaccount');
  if (verb !== 'create' || name === '') return 'can only create tokens for individual service accounts';
  if (subresource !== 'token') return 'can only create token subresource of serviceaccount';
  return isRelated(question, 'serviceaccount');
}

function mayUseLease({ node, asked }: Question): string | undefined {
  const { verb, namespace, name } = asked;
  if (!ownVerbs.includes(verb)) return 'can only get, create, update, patch, or delete a node lease';
  if (namespace !== leaseNamespace) return `can only access leases in the "${leaseNamespace}" system namespace`;
  if (verb === 'create' || name === node) return undefined;
  return 'can only access node lease with the same name as the requesting node';
}

function mayUseCsiNode({ node, asked }: Question): string | undefined {
  const { verb, subresource, name } = asked;
  if (!ownVerbs.includes(verb)) return 'can only get, create, update, patch, or delete a CSINode';
  if (subresource !== '') return 'cannot authorize CSINode subresources';
  if (verb === 'create' || name === node) return undefined;
  return 'can only access CSINode with the same name as the requesting node';
}

function mayUseResourceSlice(question: Question): string | undefined {
  const { verb, subresource } = question.asked;
  if (subresource !== '') return 'cannot authorize ResourceSlice subresources';
  if (verb === 'create') return undefined;
  if (ownVerbs.includes(verb)) return isRelated(question, 'resourceslice');
  if (manyVerbs.includes(verb)) {
    if (selectsOwn(question)) return undefined;
    return 'can only list/watch/deletecollection resourceslices with nodeName field selector';
  }
  return 'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection';
}

/** Compared by name, so that a node may look for itself before it is there. */
function mayUseNode({ node, asked: { verb, subresource, name } }: Question): string | undefined {
  if (subresource === 'status') return statusVerbs.includes(verb) ? undefined : '';
  if (subresource !== '') return '';
  if (verb === 'create' || statusVerbs.includes(verb)) return undefined;
  if (!readVerbs.includes(verb)) return '';
  if (name === node) return undefined;
  if (name === '') return `node '${node}' cannot read all nodes, only its own Node object`;
  return `node '${node}' cannot read '${name}', only its own Node object`;
}

function mayUsePod(question: Question): string | undefined {
  const { verb, subresource, name } = question.asked;
  if (subresource === 'status') return statusVerbs.includes(verb) ? undefined : '';
  if (subresource === 'eviction') return verb === 'create' ? undefined : '';
  if (subresource !== '') return '';
  if (verb === 'create' || verb === 'delete') return undefined;
  if (verb === 'get') return mayGet(question, 'pod');
  if (!readVerbs.includes(verb)) return '';
  if (selectsOwn(question)) return undefined;
  if (name !== '') return isRelated(question, 'pod');
  return 'can only list/watch pods with spec.nodeName field selector';
}

function selectsOwn({ node, asked }: Question): boolean {
  return requirements(asked.fieldSelector).some(
    ({ field, operator, value }) => field === nodeField && operator === '=' && value === node,
  );
}

/** None where the selector cannot be read: the registry will say what is wrong with it. */
function requirements(fieldSelector: string | undefined): readonly FieldRequirement[] {
  try {
    return parseFieldSelector(fieldSelector ?? '');
  } catch {
    return [];
  }
}
