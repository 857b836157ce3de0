/** Named formats (kubernetes.io, "CEL in Kubernetes": format library), `jsonpatch.escapeKey`, and sets beside them. */
import type { Row } from '../../../lib/cel/cases/row.ts';

const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const bad = (why: string): string => `optional([${JSON.stringify(why)}])`;

export const formats: readonly Row[] = [
  ["format.dns1123Label().validate('my-label-name')", 'optional.none'],
  ["format.dns1123Label().validate('contains a space')", bad(label)],
  ["format.dns1123Subdomain().validate('apiextensions.k8s.io')", 'optional.none'],
  ["format.dns1123Subdomain().validate('a..b').hasValue()", 'true'],
  ["format.dns1035Label().validate('1a').hasValue()", 'true'],
  ["format.dns1035Label().validate('a1')", 'optional.none'],
  ["format.qualifiedName().validate('apiextensions.k8s.io/v1beta1')", 'optional.none'],
  ["format.qualifiedName().validate('a/b/c').hasValue()", 'true'],
  ["format.dns1123LabelPrefix().validate('my-label-prefix-')", 'optional.none'],
  ["format.dns1123LabelPrefix().validate('contains a space-')", bad(label)],
  ["format.dns1123SubdomainPrefix().validate('mysubdomain.prefix.-')", 'optional.none'],
  ["format.dns1035LabelPrefix().validate('my-label-prefix-')", 'optional.none'],
  ["format.labelValue().validate('my-cool-label-Value')", 'optional.none'],
  ["format.labelValue().validate('no!').value()[0].startsWith('a valid label must be')", 'true'],
  ["format.uri().validate('http://example.com')", 'optional.none'],
  ["format.uri().validate('not a uri')", bad('parse "not a uri": invalid URI for request')],
  ["format.uuid().validate('123e4567-e89b-12d3-a456-426614174000')", 'optional.none'],
  ["format.uuid().validate('x')", bad('does not match the UUID format')],
  ["format.byte().validate('aGVsbG8=')", 'optional.none'],
  ["format.byte().validate('aGVsbG8')", bad('invalid base64')],
  ["format.date().validate('2021-01-01')", 'optional.none'],
  ["format.date().validate('2020-01-32')", bad('invalid date')],
  ["format.date().validate('2021-02-29')", bad('invalid date')],
  ["format.datetime().validate('2021-01-01T00:00:00Z')", 'optional.none'],
  ["format.datetime().validate('2020-01-32T00:00:00Z')", bad('invalid datetime')],
  ["format.datetime().validate('2020-01-01T25:00:00Z')", bad('invalid datetime')],
  ["format.named('dns1123Label').value().validate('my-name')", 'optional.none'],
  ["format.named('unknown').hasValue()", 'false'],
  ["format.named('uuid').value() == format.uuid()", 'true'],
  ['format.uuid() == format.date()', 'false'],
  ['format.uuid()', ': kubernetes.NamedFormat'],
  ["format.nothing().validate('x')", "issue: undeclared reference to 'format' (in container '')"],
  ["jsonpatch.escapeKey('k8s.io/my~label')", '"k8s.io~1my~0label"'],
  ["jsonpatch.escapeKey('plain')", '"plain"'],
  ['sets.contains([1, 2], [1])', 'true'],
  ["sets.equivalent(['a', 'b'], ['b', 'a', 'a'])", 'true'],
  ['sets.intersects([1], [2])', 'false'],
];
