/** CustomResourceDefinitions: names, versions, conversion, columns; and what their schemas may say. */
import { testCases } from './testing.ts';

const schema = { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } };
const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } };
const definition = {
  metadata: { name: 'things.example.com' },
  spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' }, versions: [version] },
};
const at = 'spec.versions[0].schema.openAPIV3Schema';
const shown = 'spec.validation.openAPIV3Schema';
const size = `${at}.properties.spec.properties.size`;
const shownSize = `${shown}.properties[spec].properties[size]`;
const webhook = { clientConfig: { url: 'https://a/b' }, conversionReviewVersions: ['v1'] };

testCases([
  {
    resource: 'customresourcedefinitions.apiextensions.k8s.io',
    valid: definition,
    cases: [
      {
        name: 'refuses a name that is not of its resource',
        changes: { 'metadata.name': 'others.example.com' },
        errors: ['metadata.name: Invalid value: "others.example.com": must be spec.names.plural+"."+spec.group'],
      },
      {
        name: 'refuses a group without a dot',
        changes: { 'metadata.name': 'things.example', 'spec.group': 'example' },
        errors: ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
      },
      {
        name: 'refuses a group of the community that nobody approved',
        changes: { 'metadata.name': 'things.x.k8s.io', 'spec.group': 'x.k8s.io' },
        errors: [
          'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation…',
        ],
      },
      {
        name: 'accepts one that says so',
        changes: {
          'metadata.name': 'things.x.k8s.io',
          'spec.group': 'x.k8s.io',
          'metadata.annotations': { 'api-approved.kubernetes.io': 'unapproved, for a test' },
        },
      },
      {
        name: 'refuses a scope that is none',
        changes: { 'spec.scope': 'Global' },
        errors: ['spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"'],
      },
      {
        name: 'refuses a version without a schema',
        changes: { 'spec.versions[0].schema': undefined },
        errors: ['spec.versions[0].schema.openAPIV3Schema: Required value'],
      },
      {
        name: 'refuses a version by a bad name, twice as upstream',
        changes: { 'spec.versions[0].name': 'V1' },
        errors: [
          'spec.versions[0].name: Invalid value: "V1": a DNS-1035 label…',
          'spec.version: Invalid value: "V1": a DNS-1035 label…',
        ],
      },
      {
        name: 'refuses that no version is stored',
        changes: { 'spec.versions[0].storage': false },
        errors: [
          'spec.versions: Invalid value: …',
          'status.storedVersions: Invalid value: null: must have at least one stored version',
        ],
      },
      {
        name: 'refuses a version twice',
        changes: { 'spec.versions': [version, { ...version, storage: false }] },
        errors: ['spec.versions: Invalid value: …'],
      },
      {
        name: 'refuses names that are none',
        changes: { 'spec.names.shortNames': ['T!'], 'spec.names.categories': ['A b'] },
        errors: [
          'spec.names.shortNames[0]: Invalid value: "T!": a DNS-1035 label…',
          'spec.names.categories[0]: Invalid value: "A b": a DNS-1035 label…',
        ],
      },
      {
        name: 'refuses a list that is called as its items',
        changes: { 'spec.names.listKind': 'Thing' },
        errors: ['spec.names.listKind: Invalid value: "Thing": kind and listKind may not be the same'],
      },
      {
        name: 'refuses a warning of what is not deprecated',
        changes: { 'spec.versions[0].deprecationWarning': 'old' },
        errors: ['spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
      },
      {
        name: 'refuses to keep unknown fields everywhere',
        changes: { 'spec.preserveUnknownFields': true },
        errors: ['spec.preserveUnknownFields: Invalid value: true: cannot set to true…'],
      },
      { name: 'accepts a conversion by a webhook', changes: { 'spec.conversion': { strategy: 'Webhook', webhook } } },
      {
        name: 'refuses one that nobody makes',
        changes: { 'spec.conversion': { strategy: 'Webhook' } },
        errors: [
          'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
          'spec.conversion.conversionReviewVersions: Required value',
        ],
      },
      {
        name: 'refuses a webhook where nothing is converted',
        changes: { 'spec.conversion': { strategy: 'None', webhook } },
        errors: [
          'spec.conversion.webhookClientConfig: Forbidden: should not be set when strategy is not set to Webhook',
          'spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook',
        ],
      },
      {
        name: 'refuses a scale without its paths',
        changes: { 'spec.versions[0].subresources': { scale: {} } },
        errors: [
          'spec.subresources.scale.specReplicasPath: Required value',
          'spec.subresources.scale.statusReplicasPath: Required value',
        ],
      },
      {
        name: 'refuses paths of a scale that lead elsewhere',
        changes: {
          'spec.versions[0].subresources': { scale: { specReplicasPath: '.status.a', statusReplicasPath: '.spec.a' } },
        },
        errors: [
          'spec.subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
          'spec.subresources.scale.statusReplicasPath: Invalid value: ".spec.a": should be a json path under .status',
        ],
      },
      {
        name: 'refuses a column of no type',
        changes: { 'spec.versions[0].additionalPrinterColumns': [{ name: 'A', type: 'text', jsonPath: '.a' }] },
        errors: [
          'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
        ],
      },
      {
        name: 'refuses a column without a path',
        changes: { 'spec.versions[0].additionalPrinterColumns': [{ name: 'A', type: 'string' }] },
        errors: ['spec.additionalPrinterColumns[0].JSONPath: Required value'],
      },
      {
        name: 'accepts to select by a field',
        changes: { 'spec.versions[0].selectableFields': [{ jsonPath: '.spec.size' }] },
      },
      {
        name: 'refuses to select by what has fields',
        changes: { 'spec.versions[0].selectableFields': [{ jsonPath: '.spec' }] },
        errors: [
          'spec.selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer…',
        ],
      },
      {
        name: 'refuses to select by what is not there',
        changes: { 'spec.versions[0].selectableFields': [{ jsonPath: '.spec.none' }] },
        errors: ['spec.selectableFields[0].jsonPath: Invalid value: ".spec.none": is an invalid path…'],
      },
      {
        name: 'tells of versions that differ one by one',
        changes: {
          'spec.versions': [version, { ...version, name: 'v2', storage: false, schema: { openAPIV3Schema: {} } }],
        },
        errors: ['spec.versions[1].schema.openAPIV3Schema.type: Required value: must not be empty at the root'],
      },
      {
        name: 'refuses another group and plural',
        update: { 'spec.names.plural': 'others' },
        errors: ['spec.names.plural: Invalid value: "others": field is immutable'],
      },
      {
        name: 'refuses that a version goes in which objects are stored',
        update: { 'spec.versions[0].name': 'v2' },
        errors: [
          'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version…',
        ],
      },

      {
        name: 'refuses a root that is no object',
        changes: { [`${at}.type`]: 'string' },
        errors: [`${shown}.type: Invalid value: "string": must be object at the root`],
      },
      {
        name: 'refuses a field without a type',
        changes: { [size]: {} },
        errors: [`${shownSize}.type: Required value: must not be empty for specified object fields`],
      },
      {
        name: 'refuses a type that is none',
        changes: { [size]: { type: 'int' } },
        errors: [
          `${shownSize}.type: Unsupported value: "int": supported values: "array", "boolean", "integer", "number", "object", "string"`,
        ],
      },
      {
        name: 'refuses a list of anything',
        changes: { [size]: { type: 'array' } },
        errors: [`${shownSize}.items: Required value: must be specified`],
      },
      {
        name: 'accepts what keeps unknown fields',
        changes: { [size]: { 'x-kubernetes-preserve-unknown-fields': true } },
      },
      {
        name: 'accepts a number or a text',
        changes: { [size]: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] } },
      },
      {
        name: 'refuses a type among conditions',
        changes: { [`${size}.anyOf`]: [{ type: 'integer' }] },
        errors: [`${shownSize}.anyOf[0].type: Forbidden: must be empty to be structural`],
      },
      {
        name: 'refuses a condition on what is not there',
        changes: { [`${at}.anyOf`]: [{ properties: { other: { minimum: 1 } } }] },
        errors: [
          `${shown}.properties[other]: Required value: because it is defined in ${shown}.anyOf[0].properties[other]`,
        ],
      },
      {
        name: 'refuses what would take quadratic time',
        changes: { [size]: { type: 'array', items: { type: 'string' }, uniqueItems: true } },
        errors: [
          `${shownSize}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
        ],
      },
      {
        name: 'refuses a reference',
        changes: { [`${size}.$ref`]: '#/a' },
        errors: [`${shownSize}.$ref: Forbidden: $ref is not supported`],
      },
      {
        name: 'refuses fields and any fields together',
        changes: { [`${at}.properties.spec.additionalProperties`]: { type: 'string' } },
        errors: [
          `${shown}.properties[spec].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
        ],
      },
      {
        name: 'refuses a map without keys',
        changes: { [size]: { type: 'array', items: { type: 'object' }, 'x-kubernetes-list-type': 'map' } },
        errors: [
          `${shownSize}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
        ],
      },
      {
        name: 'refuses keys that may be missing',
        changes: {
          [size]: {
            type: 'array',
            items: { type: 'object', properties: { k: { type: 'string' } } },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['k'],
          },
        },
        errors: [
          `${shownSize}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
        ],
      },
      {
        name: 'refuses a pattern that is none',
        changes: { [size]: { type: 'string', pattern: '(a' } },
        errors: [
          `${shownSize}.pattern: Invalid value: "(a": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(a\``,
        ],
      },
      {
        name: 'refuses a pattern that looks ahead',
        changes: { [size]: { type: 'string', pattern: '^(?!a)' } },
        errors: [
          `${shownSize}.pattern: Invalid value: "^(?!a)": must be a valid regular expression, but isn't: error parsing regexp: invalid or unsupported Perl syntax: \`(?!\``,
        ],
      },
      {
        name: 'refuses rules about the metadata',
        changes: { [`${at}.properties.metadata`]: { type: 'object', properties: { labels: { type: 'object' } } } },
        errors: [
          `${shown}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
        ],
      },
      {
        name: 'accepts a rule about the name',
        changes: {
          [`${at}.properties.metadata`]: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } },
        },
      },
      { name: 'accepts a default', changes: { [`${size}.default`]: 3 } },
      {
        name: 'refuses a default of another type',
        changes: { [`${size}.default`]: 'x' },
        errors: [`${shownSize}.default: Invalid value: "string":  in body must be of type integer: "string"`],
      },
      {
        name: 'refuses a default out of range',
        changes: { [`${size}.maximum`]: 2, [`${size}.default`]: 3 },
        errors: [`${shownSize}.default: Invalid value: 3:  in body should be less than or equal to 2`],
      },
      {
        name: 'refuses a default with unknown fields',
        changes: { [`${at}.properties.spec.default`]: { other: 1 } },
        errors: [`${shown}.properties[spec].default: Invalid value: {"other":1}: must not have unknown fields`],
      },
      {
        name: 'refuses a default in the metadata',
        changes: { [`${at}.properties.kind`]: { type: 'string', default: 'Thing' } },
        errors: [`${shown}.properties[kind].default: Forbidden: must not be set in top-level kind`],
      },
      {
        name: 'refuses a rule that says nothing',
        changes: { [`${at}.properties.spec.x-kubernetes-validations`]: [{ rule: ' ' }] },
        errors: [`${shown}.properties[spec].x-kubernetes-validations[0].rule: Required value: rule is not specified`],
      },
      {
        name: 'refuses conditions at the root beside a status',
        changes: { 'spec.versions[0].subresources': { status: {} }, [`${at}.anyOf`]: [{ required: ['spec'] }] },
        errors: [`${shown}: Invalid value: …`],
      },
    ],
  },
]);
