/**
 * The expressions of one admission policy, or of the match conditions of a webhook: what they may read, and which types they give.
 *
 * Variables are declared in order: each sees those before it, and all later expressions see it as `variables.name`, with the type that it
 * was found to have. One that does not compile is of type `dyn`, and fails where it is read. Objects are of type `dyn`, but for
 * type checking, which brings their types along.
 */
import {
  type CelCompilation,
  type CelEnvironment,
  type CelProgram,
  celEnvironment,
} from '../../lib/cel/environment.ts';
import { valueNameOfType } from '../../lib/cel/type-names.ts';
import type { CelField, CelType } from '../../lib/cel/types.ts';
import { namespaceType, requestType } from './admission-types.ts';
import { kubernetesLibraries } from './libraries/index.ts';
import { jsonPatchLibrary, jsonPatchType } from './libraries/json-patch.ts';
import { objectType, patchTypes } from './patch-types.ts';

export interface DeclaredTypes {
  /** Are there `params`? */
  readonly hasParams: boolean;
  /** Is there `variables`? */
  readonly hasVariables: boolean;
  /** Of `object` and `oldObject`, and of `params`; `dyn` where absent. */
  readonly object?: CelType | undefined;
  readonly params?: CelType | undefined;
}

/** What expressions of one role may read besides, and what they have to give. */
export interface ExpressionRole {
  readonly authorizer: boolean;
  /** `Object{}`, `JSONPatch{}` and `jsonpatch.escapeKey` are known. */
  readonly patches?: boolean;
  /** One of these, and not `dyn`; absent: anything. */
  readonly returns?: readonly CelType[];
}

const dyn: CelType = { kind: 'dyn' };
const string: CelType = { kind: 'string' };

export const expressionRoles = {
  variable: { authorizer: true },
  condition: { authorizer: true, returns: [{ kind: 'bool' }] },
  message: { authorizer: false, returns: [string] },
  auditAnnotation: { authorizer: true, returns: [string, { kind: 'null' }] },
  applyConfiguration: { authorizer: true, patches: true, returns: [objectType] },
  jsonPatch: { authorizer: true, patches: true, returns: [{ kind: 'list', element: jsonPatchType }] },
  /** Of type checking. */
  anything: { authorizer: true },
} as const satisfies Readonly<Record<string, ExpressionRole>>;

/** `error` is upstream's detail: `compilation failed: ERROR: <input>:1:1: …`, `must evaluate to bool but got string`. */
export type CompiledExpression =
  | { readonly kind: 'program'; readonly expression: string; readonly program: CelProgram }
  | { readonly kind: 'error'; readonly expression: string; readonly error: string };

export class PolicyExpressions {
  readonly #types: DeclaredTypes;
  readonly #environments = new Map<string, CelEnvironment>();
  readonly #variables = new Map<string, CompiledExpression>();
  /** What the type of `variables` knows so far: it grows. */
  readonly #fields = new Map<string, CelField>();

  constructor(types: DeclaredTypes) {
    this.#types = types;
  }

  /** In the order of their declaration. */
  get variables(): ReadonlyMap<string, CompiledExpression> {
    return this.#variables;
  }

  addVariable(name: string, expression: string): CompiledExpression {
    const compiled = this.compile(expression, expressionRoles.variable);
    this.#variables.set(name, compiled);
    const type = compiled.kind === 'program' ? carried(compiled.program.type) : dyn;
    this.#fields.set(name, { type, required: true });
    return compiled;
  }

  compile(expression: string, role: ExpressionRole): CompiledExpression {
    const compiled = this.check(expression, role);
    if (compiled.kind === 'error') {
      return { kind: 'error', expression, error: `compilation failed: ${compiled.error.text}` };
    }
    const { program } = compiled;
    const given = textOf(program.type);
    const wanted = role.returns?.map(textOf);
    if (wanted === undefined || wanted.includes(given)) return { kind: 'program', expression, program };
    const allowed = wanted.length === 1 ? wanted.join('') : `one of [${wanted.join(' ')}]`;
    return { kind: 'error', expression, error: `must evaluate to ${allowed} but got ${given}` };
  }

  /** Whatever it gives. */
  check(expression: string, role: ExpressionRole): CelCompilation {
    return this.#environment(role).compile(expression);
  }

  #environment(role: ExpressionRole): CelEnvironment {
    const key = `${role.authorizer} ${role.patches ?? false}`;
    let environment = this.#environments.get(key);
    if (environment === undefined) this.#environments.set(key, (environment = this.#make(role)));
    return environment;
  }

  #make({ authorizer, patches }: ExpressionRole): CelEnvironment {
    const { hasParams, hasVariables, object = dyn, params = dyn } = this.#types;
    return celEnvironment({
      variables: {
        object,
        oldObject: object,
        request: requestType,
        namespaceObject: namespaceType,
        ...(hasParams && { params }),
        ...(authorizer && authorizerVariables),
        ...(hasVariables && { variables: { kind: 'object', name: 'kubernetes.variables', fields: this.#fields } }),
      },
      libraries: patches ? [...kubernetesLibraries, jsonPatchLibrary] : kubernetesLibraries,
      ...(patches && { types: patchTypes }),
    });
  }
}

const authorizerVariables: Readonly<Record<string, CelType>> = {
  authorizer: { kind: 'opaque', name: 'kubernetes.authorization.Authorizer' },
  'authorizer.requestResource': { kind: 'opaque', name: 'kubernetes.authorization.ResourceCheck' },
};

/** `list(string)`, `null_type`. */
function textOf(type: CelType): string {
  const parts = partsOf(type).map(textOf);
  return parts.length === 0 ? valueNameOfType(type) : `${valueNameOfType(type)}(${parts.join(', ')})`;
}

function partsOf(type: CelType): readonly CelType[] {
  if (type.kind === 'list') return [type.element];
  if (type.kind === 'map') return [type.key, type.value];
  return type.kind === 'optional' ? [type.of] : [];
}

/** Of a variable, later expressions know scalars, lists and maps; all else is `dyn` to them. */
function carried(type: CelType): CelType {
  switch (type.kind) {
    case 'list':
      return { kind: 'list', element: carried(type.element) };
    case 'map':
      return { kind: 'map', key: carried(type.key), value: carried(type.value) };
    case 'object':
    case 'optional':
    case 'opaque':
    case 'parameter':
    case 'type':
      return dyn;
    case 'dyn':
    case 'bool':
    case 'int':
    case 'uint':
    case 'double':
    case 'string':
    case 'bytes':
    case 'null':
    case 'timestamp':
    case 'duration':
      return type;
  }
}
