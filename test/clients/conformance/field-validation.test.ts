/**
 * Upstream's conformance tests of `fieldValidation=Strict` on custom resources (test/e2e/apimachinery/field_validation.go), step by step:
 * each object is applied by the server. Those of built-in kinds stand in `machinery.test.ts`.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ConformanceCluster } from './cluster.ts';
import { CustomKinds } from './definitions.ts';
import type { Sent } from './wire.ts';

const text = { type: 'string' };
const int32 = { type: 'integer', format: 'int32' };

const properties = {
  foo: text,
  cronSpec: { type: 'string', pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$` },
  ports: {
    type: 'array',
    'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
    'x-kubernetes-list-type': 'map',
    items: {
      type: 'object',
      required: ['containerPort', 'protocol'],
      properties: { containerPort: int32, hostIP: text, hostPort: int32, name: text, protocol: text },
    },
  },
};

const withSpec = (spec: object): object => ({ type: 'object', properties: { spec: { type: 'object', ...spec } } });
const keeping = { 'x-kubernetes-preserve-unknown-fields': true };
const template = {
  type: 'object',
  'x-kubernetes-embedded-resource': true,
  properties: { metadata: { type: 'object', properties: { name: text } }, spec: { type: 'object' } },
};

const ports = `cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP`;

interface Case {
  readonly name: string;
  readonly schema?: object;
  /** Behind the name, in the metadata. */
  readonly metadata?: string;
  /** Before the specification. */
  readonly root?: string;
  readonly spec: string;
  /** What the refusal says; without: it is applied. */
  readonly refused?: readonly RegExp[];
}

const cases: readonly Case[] = [
  {
    name: 'should create/apply a valid CR for CRD with validation schema',
    schema: withSpec({ properties }),
    spec: `foo: foo1\n  ${ports}`,
  },
  {
    name: 'should create/apply a CR with unknown fields for CRD with no validation schema',
    spec: `unknown: uk1\n  ${ports}`,
  },
  {
    name: 'should create/apply an invalid CR with extra properties for CRD with validation schema',
    schema: withSpec({ properties }),
    root: 'unknownField: unknown\n',
    spec: `foo: foo1\n  ${ports}`,
    refused: [/\.unknownField: field not declared in schema/],
  },
  {
    name: 'should detect unknown metadata fields in both the root and embedded object of a CR',
    schema: withSpec({ ...keeping, properties: { ...properties, template } }),
    metadata: '  unknownMeta: unknown\n',
    spec: `template:
    apiversion: foo/v1
    kind: Sub
    metadata:
        unknownSubMeta: unknown
        name: subobject
        namespace: default
  foo: foo1
  ${ports}`,
    refused: [/\.(spec\.template\.metadata\.unknownSubMeta|metadata\.unknownMeta): field not declared in schema/],
  },
  {
    name: 'should detect duplicates in a CR when preserving unknown fields',
    schema: withSpec({ ...keeping, properties }),
    spec: `unknown: uk1\n  foo: foo1\n  foo: foo2\n  ${ports}`,
    refused: [/line 11: key "foo" already set in map/],
  },
];

describe('conformance: FieldValidation of custom resources', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const kinds = new CustomKinds(() => cluster.wire);

  before(async () => {
    cluster = await ConformanceCluster.up(1);
  });
  after(() => cluster.close());

  const yamlOf = ({ spec: { group, names } }: Sent, { metadata = '', root = '', spec }: Case): string => `
apiVersion: ${group}/v1beta1
kind: ${names.kind}
metadata:
  name: mytest
${metadata}  finalizers:
  - test-finalizer
${root}spec:
  ${spec}`;

  for (const row of cases) {
    test(row.name, async () => {
      const made = await kinds.established(
        kinds.definition({ served: ['v1beta1', 'v1beta2'], ...(row.schema && { schema: row.schema }) }),
      );
      const query = { fieldManager: 'field_validation_mgr', fieldValidation: 'Strict' };
      const applied = kinds.client(made).patch('mytest', 'apply', yamlOf(made, row), '', query);
      if (row.refused === undefined) {
        assert.equal((await applied).spec.ports[0].containerPort, 80);
        return;
      }
      for (const message of row.refused) await assert.rejects(applied, message);
    });
  }
});
