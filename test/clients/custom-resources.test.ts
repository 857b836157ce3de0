/** Custom resources as kubectl's users meet them: defined, made, shown, changed, scaled, waited for and taken away. */
import { after, before, describe, test } from 'node:test';
import { TestCluster } from '../harness.ts';
import { checkRows, type Row } from './command-table.ts';

const defining: readonly Row[] = [
  [
    'apply -f @/widget-definition.yaml',
    /^customresourcedefinition\.apiextensions\.k8s\.io\/widgets\.example\.com created$/m,
  ],
  ['wait --for=condition=Established crd/widgets.example.com --timeout=10s', /condition met/],
  ['apply -f @/widget-definition.yaml', /^\S+ unchanged$/m],
  ['api-resources --api-group=example.com', /^widgets +wd +example\.com\/v1 +true +Widget$/m],
  ['get --raw /apis/example.com/v1', /"name":"widgets\/scale".*"group":"autoscaling","version":"v1","kind":"Scale"/],
  ['get crd', /^widgets\.example\.com +\d{4}-/m],
];

const using: readonly Row[] = [
  ['get wd', /^No resources found in default namespace\.$/m],
  ['apply -f @/widget.yaml', /^widget\.example\.com\/one created$/m],
  ['apply -f @/widget.yaml', /^widget\.example\.com\/one unchanged$/m],
  ['apply -f @/widget.yaml --server-side --field-manager=other', /serverside-applied$/m],
  ['get wd one', /^NAME +SIZE\none +3$/m],
  ['get widgets -o wide', /^NAME +SIZE +COLOUR\none +3 +red$/m],
  ['get parts', /^one +3$/m],
  ['get all -l app=one', /^widget\.example\.com\/one +3$/m],
  ['get widget one -o jsonpath={.apiVersion}/{.metadata.generation}', /^example\.com\/v1\/1$/],
  ['get wd --field-selector spec.colour=red -o name', /^widget\.example\.com\/one$/m],
  ['get wd --field-selector spec.colour=blue', /^No resources found/m],
  ['get wd --field-selector spec.size=3', /field label not supported: spec\.size/, 'fails'],
  ['patch wd one --type merge -p {"spec":{"size":4}}', /^widget\.example\.com\/one patched$/m],
  ['patch wd one --type strategic -p {"spec":{"size":4}}', /UnsupportedMediaType|415|media type/i, 'fails'],
  [
    'patch wd one --type merge -p {"spec":{"size":-1}}',
    /spec\.size in body should be greater than or equal to 0/,
    'fails',
  ],
  ['patch wd one --type json -p [{"op":"remove","path":"/spec/colour"}]', /spec\.colour: Required value/, 'fails'],
  ['patch wd one --subresource status --type merge -p {"status":{"size":2,"selector":"app=one"}}', /patched$/m],
  [
    'get wd one --subresource scale -o jsonpath={.spec.replicas}/{.status.replicas}/{.status.selector}',
    /^4\/2\/app=one$/,
  ],
  ['scale wd/one --replicas 7 --current-replicas 4', /^widget\.example\.com\/one scaled$/m],
  ['scale wd/one --replicas 1 --current-replicas 4', /Expected replicas to be 4, was 7/, 'fails'],
  ['get wd one -o jsonpath={.spec.size}/{.metadata.generation}', /^7\/3$/],
  ['label wd one tier=front', /labeled$/m],
  ['annotate wd one note=yes', /annotated$/m],
  [
    'get widgets.v1beta1.example.com one',
    /Warning: example\.com\/v1beta1 Widget is deprecated; use example\.com\/v1 Widget/,
  ],
  ['wait wd/one --for=jsonpath={.spec.size}=7 --timeout=5s', /condition met/],
  ['describe wd one', /^Kind: +Widget$/m],
  ['get --raw /apis/example.com/v1/namespaces/default/widgets/one/status', /"kind":"Widget"/],
  [
    'get --raw /apis/example.com/v1/namespaces/default/widgets/one/log',
    /could not find the requested resource/,
    'fails',
  ],
  ['get --raw /apis/example.com/v2/widgets', /could not find the requested resource/, 'fails'],
  ['create --raw /apis/example.com/v1/widgets -f @/widget.yaml', /could not find|does not allow this method/, 'fails'],
  ['auth can-i create widgets.example.com --as=nobody', /^no$/m, 'fails'],
  ['create quota few --hard=count/widgets.example.com=1', /created$/m],
];

const ending: readonly Row[] = [
  ['delete wd one', /^widget\.example\.com "one" deleted from default namespace$/m],
  ['apply -f @/widget.yaml', /created$/m],
  ['delete crd widgets.example.com', /"widgets\.example\.com" deleted$/m],
  ['get widgets', /the server doesn't have a resource type "widgets"|could not find the requested resource/, 'fails'],
  [
    'apply -f @/widget.yaml',
    /no matches for kind "Widget" in version "example\.com\/v1"|could not find the requested resource/,
    'fails',
  ],
  ['apply -f @/widget-definition.yaml', /created$/m],
  ['wait --for=condition=Established crd/widgets.example.com --timeout=10s', /condition met/],
  ['get widgets', /^No resources found/m],
];

describe('custom resources, by kubectl', { timeout: 170_000 }, () => {
  let cluster: TestCluster;
  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
  });
  after(() => TestCluster.closeAll());

  test('are there as soon as their definition is', () => checkRows(cluster, defining));
  test('are used as any others', () => checkRows(cluster, using));
  test('go with their definition, and do not come back with the next', () => checkRows(cluster, ending));
});
