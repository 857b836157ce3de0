/** Rules on metadata that hold for every kind. */
import { testCases } from './testing.ts';

testCases([
  {
    resource: 'configmaps',
    valid: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' } },
    cases: [
      {
        name: 'refuses an object without a name',
        changes: { 'metadata.name': undefined },
        errors: ['metadata.name: Required value: name or generateName is required'],
      },
      {
        name: 'refuses a label whose key is no qualified name',
        changes: { 'metadata.labels': { 'a b': 'c' } },
        errors: ['metadata.labels: Invalid value: "a b": name part must consist…'],
      },
      {
        name: 'refuses such a label in an update, too',
        update: { 'metadata.labels': { 'a b': 'c' } },
        errors: ['metadata.labels: Invalid value: "a b": name part must consist…'],
      },
    ],
  },
]);
