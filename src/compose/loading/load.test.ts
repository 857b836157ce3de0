/** Files to a project: the specification's own examples of merging, extending, including, profiles and variables. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { Project } from '../model.ts';
import { memoryFiles } from '../testing.ts';
import { type LoadOptions, loadProject } from './load.ts';

function load(texts: Readonly<Record<string, string>>, options: Partial<LoadOptions> = {}): Promise<Project> {
  const files = memoryFiles(
    Object.fromEntries(Object.entries(texts).map(([name, text]) => [path.resolve('/shop', name), text])),
  );
  const names = options.files ?? ['compose.yaml'];
  return loadProject(
    { directory: '/shop', environment: {}, ...options, files: names.map((name) => path.resolve('/shop', name)) },
    files,
  );
}

const both = async (base: string, over: string): Promise<object> => {
  const project = await load({ 'compose.yaml': base, 'over.yaml': over }, { files: ['compose.yaml', 'over.yaml'] });
  return project.services.get('foo') ?? {};
};

const foo = (body: string): string => `services:\n  foo:\n    image: app\n${body.replace(/^/gm, '    ')}`;

/** What the service is after the second file, besides its image. */
const merges: readonly (readonly [string, string, string, object])[] = [
  [
    'maps entry by entry',
    'labels: {key1: value1, key2: value2}',
    'labels: {key2: VALUE, key3: value3}',
    { labels: { key1: 'value1', key2: 'VALUE', key3: 'value3' } },
  ],
  ['lists one after the other', 'dns: [1.1.1.1]', 'dns: [8.8.8.8]', { dns: ['1.1.1.1', '8.8.8.8'] }],
  ['a text and a list', 'dns: 1.1.1.1', 'dns: [8.8.8.8]', { dns: ['1.1.1.1', '8.8.8.8'] }],
  ['equal entries once', 'cap_add: [A, B]', 'cap_add: [B, C]', { cap_add: ['A', 'B', 'C'] }],
  ['commands by the later word', 'command: [echo, foo]', 'command: echo bar', { command: ['echo', 'bar'] }],
  ['entrypoints, too', 'entrypoint: [a, b]', 'entrypoint: [c]', { entrypoint: ['c'] }],
  [
    'tests of health, too',
    'healthcheck: {test: [CMD, a], retries: 2}',
    'healthcheck: {test: b}',
    { healthcheck: { test: ['CMD-SHELL', 'b'], retries: 2 } },
  ],
  [
    'volumes by their target',
    'volumes: [/foo:/work]',
    'volumes: [/bar:/work]',
    {
      volumes: [{ type: 'bind', source: '/bar', target: '/work', bind: { create_host_path: true } }],
    },
  ],
  [
    'ports by all that tells them apart',
    'ports: ["8080:80"]',
    'ports: ["8080:80", "8443:443"]',
    {
      ports: [
        { target: 80, published: 8080, protocol: 'tcp', mode: 'ingress' },
        { target: 443, published: 8443, protocol: 'tcp', mode: 'ingress' },
      ],
    },
  ],
  [
    'environment as a list and as a map',
    'environment: [A=1, B=2]',
    'environment: {B: 3, C: true}',
    { environment: { A: '1', B: '3', C: 'true' } },
  ],
  [
    'dependencies in both forms',
    'depends_on: [foo2]',
    'depends_on: {foo2: {condition: service_healthy}}',
    { depends_on: { foo2: { condition: 'service_healthy' } } },
  ],
  [
    'logging of another driver alone',
    'logging: {driver: a, options: {x: 1}}',
    'logging: {driver: b}',
    { logging: { driver: 'b' } },
  ],
  [
    'logging of the same driver',
    'logging: {driver: a, options: {x: 1}}',
    'logging: {driver: a, options: {y: 2}}',
    { logging: { driver: 'a', options: { x: 1, y: 2 } } },
  ],
  ['!reset of a list', 'ports: ["8080:80"]', 'ports: !reset []', {}],
  [
    '!reset of an entry',
    'environment: {FOO: BAR, A: 1}',
    'environment: {FOO: !reset null}',
    { environment: { A: '1' } },
  ],
  [
    '!override',
    'ports: ["8080:80"]',
    'ports: !override ["8443:443"]',
    { ports: [{ target: 443, published: 8443, protocol: 'tcp', mode: 'ingress' }] },
  ],
  ['a build in both forms', 'build: ./a', 'build: {target: dev}', { build: { context: '/shop', target: 'dev' } }],
];

describe('several files', () => {
  for (const [name, base, over, expected] of merges) {
    test(`merge ${name}`, async () => {
      const more = '\n  foo2: {image: x}\n';
      const { image: _, ...merged } = (await both(foo(base) + more, foo(over))) as { image?: string };
      assert.deepEqual(
        merged,
        name === 'a build in both forms' ? { build: { context: '/shop', target: 'dev' } } : expected,
      );
    });
  }
});

describe('extends', () => {
  test('maps, lists and scalars of the base stand below those of the service', async () => {
    const project = await load({
      'compose.yaml': `
services:
  base: {image: busybox, user: root, environment: {TZ: utc, PORT: 80}, security_opt: ["label:role:ROLE"]}
  common: {extends: {service: base}, volumes: ["/common:/var/lib/backup/data:rw"]}
  cli:
    extends: common
    environment: [PORT=8080]
    security_opt: ["label:user:USER"]
    volumes: ["/cli:/var/lib/backup/data:ro"]
`,
    });
    assert.deepEqual(project.services.get('cli'), {
      image: 'busybox',
      user: 'root',
      environment: { TZ: 'utc', PORT: '8080' },
      security_opt: ['label:role:ROLE', 'label:user:USER'],
      volumes: [
        {
          type: 'bind',
          source: '/cli',
          target: '/var/lib/backup/data',
          read_only: true,
          bind: { create_host_path: true },
        },
      ],
    });
  });

  test("another file's paths start from its own folder", async () => {
    const project = await load({
      'compose.yaml': 'services:\n  web: {extends: {file: common/base.yaml, service: webapp}, image: "${TAG}"}',
      'common/base.yaml':
        'services:\n  webapp: {extends: {service: lower}, build: .}\n  lower: {env_file: [lower.env], image: x}',
      'common/lower.env': 'A=1',
      '.env': 'TAG=web:2',
    });
    assert.deepEqual(project.services.get('web'), {
      image: 'web:2',
      build: { context: '/shop/common' },
      environment: { A: '1' },
    });
  });

  const faults: readonly (readonly [string, RegExp])[] = [
    [
      'services:\n  a: {image: x, extends: b}\n  b: {image: x, extends: a}',
      /services\.a\.extends goes round in a circle: a -> b -> a/,
    ],
    ['services:\n  a: {image: x, extends: none}', /services\.a\.extends: there is no service none in compose\.yaml/],
    ['services:\n  a: {image: x, extends: {file: none.yaml, service: b}}', /none\.yaml: there is no such file/],
  ];
  for (const [text, expected] of faults) {
    test(`is refused: ${expected.source}`, () => assert.rejects(load({ 'compose.yaml': text }), expected));
  }
});

describe('include', () => {
  const included = {
    'other/compose.yaml': 'services:\n  db: {image: "db:${V}", volumes: ["./data:/data"]}\nvolumes: {v: {}}',
    'other/.env': 'V=1',
  };

  test('another application comes in, with its own folder and variables', async () => {
    const project = await load({
      ...included,
      'compose.yaml': 'include: [other/compose.yaml]\nservices:\n  web: {image: x, depends_on: [db]}',
    });
    const mount = { type: 'bind', source: '/shop/other/data', target: '/data', bind: { create_host_path: true } };
    assert.deepEqual(project.services.get('db'), { image: 'db:1', volumes: [mount] });
    assert.deepEqual([...project.services.keys()], ['web', 'db']);
  });

  test("this project's variables come before the included one's; its folder and files can be named", async () => {
    const project = await load(
      {
        ...included,
        'over.yaml': 'services:\n  db: {user: "${U}"}',
        'own.env': 'U=7',
        'compose.yaml':
          'include:\n- {path: [other/compose.yaml, over.yaml], project_directory: elsewhere, env_file: own.env}\nservices: {}',
      },
      { environment: { V: '2' } },
    );
    assert.deepEqual(project.services.get('db'), {
      image: 'db:2',
      user: '7',
      volumes: [{ type: 'bind', source: '/shop/elsewhere/data', target: '/data', bind: { create_host_path: true } }],
    });
  });

  test('two meanings of one name, circles and addresses are refused', async () => {
    const clash = 'include: [other/compose.yaml]\nservices:\n  db: {image: y}';
    await assert.rejects(
      load({ ...included, 'compose.yaml': clash }, { environment: { V: '1' } }),
      /services\.db stands here and in an included file/,
    );
    const round = {
      'compose.yaml': 'include: [b.yaml]\nservices: {a: {image: x}}',
      'b.yaml': 'include: [compose.yaml]',
    };
    await assert.rejects(load(round), /include goes round in a circle: compose\.yaml -> b\.yaml -> compose\.yaml/);
    await assert.rejects(load({ 'compose.yaml': 'include: ["https://example.com/c.yaml"]' }), /is not fetched/);
  });
});

describe('profiles', () => {
  const text = `
services:
  foo: {image: foo}
  bar: {image: bar, profiles: [test]}
  baz: {image: baz, depends_on: [bar], profiles: [test]}
  zot: {image: zot, depends_on: [bar], profiles: [debug]}
`;
  const names = async (...profiles: string[]): Promise<string[]> => [
    ...(await load({ 'compose.yaml': text }, { profiles })).services.keys(),
  ];

  test('say which services there are', async () => {
    assert.deepEqual(await names(), ['foo']);
    assert.deepEqual(await names('test'), ['foo', 'bar', 'baz']);
    assert.deepEqual(await names('test', 'debug'), ['foo', 'bar', 'baz', 'zot']);
    assert.deepEqual(await names('*'), ['foo', 'bar', 'baz', 'zot']);
    assert.deepEqual(
      [...(await load({ 'compose.yaml': text }, { environment: { COMPOSE_PROFILES: 'test, x' } })).services.keys()],
      ['foo', 'bar', 'baz'],
    );
  });

  test('a service that is left out is told, and is an error for who needs it', async () => {
    const { notes } = await load({ 'compose.yaml': text });
    assert.equal(notes[0], 'services.bar: left out; it is for the profile test (--profile test)');
    await assert.rejects(
      names('debug'),
      /services\.zot\.depends_on: the service bar is left out: it is for --profile test/,
    );
  });
});

describe('names and variables', () => {
  const text = 'name: ${N:-from-file}\nservices:\n  web: {image: "x:${COMPOSE_PROJECT_NAME}"}';

  test("the project's name: the option, the variable, the file, the folder", async () => {
    assert.equal((await load({ 'compose.yaml': text }, { projectName: 'option' })).name, 'option');
    assert.equal(
      (await load({ 'compose.yaml': text }, { environment: { COMPOSE_PROJECT_NAME: 'variable' } })).name,
      'variable',
    );
    const project = await load({ 'compose.yaml': text });
    assert.equal(project.name, 'from-file');
    assert.equal(project.services.get('web')?.image, 'x:from-file');
    assert.equal((await load({ 'compose.yaml': 'services:\n  web: {image: x}' })).name, 'shop');
    await assert.rejects(
      load({ 'compose.yaml': 'name: Bad Name\nservices: {}' }),
      /the project's name "Bad Name" must begin/,
    );
  });

  test('the shell, .env, env files and the environment, each over the ones before', async () => {
    const project = await load(
      {
        'compose.yaml':
          'services:\n  web: {image: "$IMAGE", env_file: [a.env, {path: no.env, required: false}], environment: [B=service, SHELL_ONLY, NOWHERE]}',
        '.env': 'IMAGE=env:1\nSHELL_ONLY=dotenv',
        'a.env': 'A=file\nB=file\nC=${IMAGE}',
      },
      { environment: { IMAGE: 'shell:1' } },
    );
    assert.deepEqual(project.services.get('web'), {
      image: 'shell:1',
      environment: { A: 'file', B: 'service', C: 'shell:1', SHELL_ONLY: 'dotenv' },
    });
    const named = await load(
      { 'compose.yaml': 'services:\n  web: {image: "x:$V"}', 'v.env': 'V=9', '.env': 'V=1' },
      { envFiles: ['/shop/v.env'] },
    );
    assert.equal(named.services.get('web')?.image, 'x:9');
  });

  test('a variable that is not set is told', async () => {
    const { notes } = await load({ 'compose.yaml': 'services:\n  web: {image: "x$NONE"}' });
    assert.deepEqual(notes, ['the variable NONE is not set: it counts as empty']);
  });
});

/** What is wrong, and the sentence. */
const faults: readonly (readonly [string, string])[] = [
  [
    'services:\n  web: {image: x, imag: y}',
    'compose.yaml: services.web.imag is no key of a Compose file; did you mean image?',
  ],
  ['service:\n  web: {image: x}', 'compose.yaml: service is no key of a Compose file; did you mean services?'],
  ['services:\n  web: {image: 1.25}', 'compose.yaml: services.web.image must be a text'],
  ['services:\n  web: {image: x, ports: 80}', 'compose.yaml: services.web.ports must be a list'],
  ['services:\n  web: {image: x, privileged: maybe}', 'compose.yaml: services.web.privileged must be true or false'],
  ['services: []', 'compose.yaml: services must be a map'],
  ['services:\n  web: {user: "1"}', 'compose.yaml: services.web needs image or build'],
  ['services: {}', 'compose.yaml: it has no services'],
  [
    'services:\n  we b: {image: x}',
    'compose.yaml: services.we b: names are made of letters, digits, dots, dashes and underscores',
  ],
  [
    'services:\n  web: {image: x, depends_on: [db]}',
    'compose.yaml: services.web.depends_on: the service db does not exist',
  ],
  [
    'services:\n  web: {image: x, volumes: ["data:/data"]}',
    "compose.yaml: services.web.volumes: volumes has no data; declare it at the file's top level",
  ],
  [
    'services:\n  web: {image: x, networks: [back]}',
    "compose.yaml: services.web.networks: networks has no back; declare it at the file's top level",
  ],
  [
    'services:\n  web: {image: x, secrets: [key]}',
    "compose.yaml: services.web.secrets: secrets has no key; declare it at the file's top level",
  ],
  [
    'services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [a]}',
    'compose.yaml: depends_on goes round in a circle: a -> b -> a',
  ],
  [
    'services:\n  web: {image: x, ports: ["80:80:80:80"]}',
    'compose.yaml: services.web.ports[0]: "80:80:80:80" must be [[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]',
  ],
  [
    'services:\n  web: {image: x, ports: ["70000"]}',
    'compose.yaml: services.web.ports[0]: "70000" must be a port from 1 to 65535, or a range of at most 1000',
  ],
  ['services:\n  web: {image: x, command: "echo \'a"}', "compose.yaml: services.web.command: the quote ' does not end"],
  [
    'services:\n  web: {image: x, volumes: [{type: disk, target: /a}]}',
    'compose.yaml: services.web.volumes[0].type must be bind, volume, tmpfs, cluster, npipe or image, not "disk"',
  ],
  [
    'services:\n  web: {image: x, depends_on: {db: {}}}\n  db: {image: x}',
    'compose.yaml: services.web.depends_on.db needs condition',
  ],
  [
    'services:\n  web: {image: x, env_file: none.env}',
    'compose.yaml: services.web.env_file: /shop/none.env: there is no such file',
  ],
  [
    'services:\n  web: {image: x, secrets: [k]}\nsecrets: {k: {file: none}}',
    'compose.yaml: secrets.k.file: /shop/none: there is no such file',
  ],
  [
    'services:\n  web: {image: x, secrets: [k]}\nsecrets: {k: {environment: NONE}}',
    'compose.yaml: secrets.k: the variable NONE is not set',
  ],
  [
    'services:\n  web: {image: x, configs: [k]}\nconfigs: {k: {}}',
    'compose.yaml: configs.k needs file, environment, content or external: true',
  ],
];

describe('faults', () => {
  for (const [text, message] of faults) {
    test(message, () => assert.rejects(load({ 'compose.yaml': text }), { message }));
  }

  test('x- keys may stand anywhere', async () => {
    const { services } = await load({ 'compose.yaml': 'x-a: 1\nservices:\n  web: {image: x, x-b: {c: 1}}' });
    assert.equal(services.get('web')?.image, 'x');
  });
});
