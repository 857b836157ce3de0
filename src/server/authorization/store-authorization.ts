/**
 * The authorizers that answer from the store: nodes by what is bound to them, everybody else by roles and bindings. Before both stands
 * `system:masters`, whatever roles say. A cluster asks them in this order where no configuration says otherwise; so does the simulator.
 *
 * The services beside them follow the store; they start right after it, before anybody asks.
 */
import type { Service } from '../../lib/service.ts';
import type { Store } from '../../store/store.ts';
import { NodeAuthorizer } from '../node-authorization/node-authorizer.ts';
import { NodeRelations } from '../node-authorization/node-relations.ts';
import { indexedDefaults } from '../rbac/policy-bootstrap.ts';
import { RbacAuthorizer } from '../rbac/rbac-authorizer.ts';
import { RbacIndex } from '../rbac/rbac-index.ts';
import { AuthorizerChain, type Decider, masters } from './authorization.ts';

export interface StoreAuthorization {
  /** Masters, nodes, roles: in this order. */
  readonly authorizer: Decider;
  readonly nodes: Decider;
  readonly rbac: Decider;
  readonly index: RbacIndex;
  readonly services: readonly Service[];
}

export function storeAuthorization(store: Store): StoreAuthorization {
  const index = new RbacIndex(store, indexedDefaults());
  const rbac = new RbacAuthorizer(index);
  const relations = new NodeRelations(store);
  const nodes = new NodeAuthorizer(relations);
  return { authorizer: new AuthorizerChain([masters, nodes, rbac]), nodes, rbac, index, services: [index, relations] };
}
