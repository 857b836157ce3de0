import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { tableText } from './emit-tables.ts';
import { typesText } from './emit-types.ts';
import { readGoPackage } from './go-package.ts';
import { Joiner } from './join.ts';
import type { GroupVersionModel } from './model.ts';

const types = `package v1

// +enum
type Wood string

const (
	Oak Wood = "oak"
	Elm Wood = "elm"
	DefaultWood = "elm"
)

// +structType=atomic
type Place struct {
	Name string \`json:"name" protobuf:"bytes,1,opt,name=name"\`
}

type Planks []string

type Boat struct {
	Place \`json:",inline" protobuf:"bytes,1,opt,name=place"\`
	// +optional
	// +default=ref(DefaultWood)
	Wood *Wood \`json:"wood,omitempty" protobuf:"bytes,2,opt,name=wood,casttype=Wood"\`
	// +listType=map
	// +listMapKey=name
	Stops []Place \`json:"stops" patchStrategy:"merge,retainKeys" patchMergeKey:"name" protobuf:"bytes,3,rep,name=stops"\`
	// +required
	Home Place \`json:"home,omitempty" protobuf:"bytes,4,opt,name=home"\`
	// +structType=granular
	Harbour *Place \`json:"harbour,omitempty" protobuf:"bytes,6,opt,name=harbour"\`
	Deck Planks \`json:"deck,omitempty" protobuf:"bytes,5,opt,name=deck"\`
	Hidden string \`json:"-"\`
}
`;

const proto = `message Boat {
  optional Place place = 1;

  // What it is made of.
  optional string wood = 2;

  repeated Place stops = 3;

  optional Place home = 4;

  optional Planks deck = 5;

  optional Place harbour = 6;
}

message Place {
  optional string name = 1;
}

message Planks {
  repeated string items = 1;
}
`;

const root = mkdtempSync(join(tmpdir(), 'naru-join-'));
after(() => rmSync(root, { recursive: true }));

function model(files: Readonly<Record<string, string>>): GroupVersionModel {
  const folder = mkdtempSync(join(root, 'case-'));
  const version = join(folder, 'v1');
  mkdirSync(version);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(version, name), text);
  return new Joiner([readGoPackage('example.com/boats/v1', version, 'a test')]).model('example.com/boats/v1');
}

const files = {
  'types.go': types,
  'generated.proto': proto,
  'doc.go': '// +k8s:openapi-model-package=com.example.boats.v1\npackage v1\n',
  'register.go':
    'package v1\n\nconst GroupName = "boats.example.com"\n\nvar _ = []any{\n\t&Boat{},\n\t// &Raft{},\n}\n',
};

const boats = model(files);

test('a table row tells what Go and protobuf say of a field, and only what is not the default', () => {
  const table = JSON.parse(tableText(boats)) as { types: Record<string, unknown>; kinds: string[]; group: string };
  assert.equal(table.group, 'boats.example.com');
  assert.deepEqual(table.kinds, ['Boat']);
  assert.deepEqual(table.types['Boat'], [
    { inline: true, type: 'Place', number: 1, atomic: true },
    { name: 'wood', type: 'string', number: 2, goType: 'v1.Wood', pointer: true, enum: ['elm', 'oak'], default: 'elm' },
    {
      name: 'stops',
      type: '[]Place',
      number: 3,
      required: true,
      always: true,
      listType: 'map',
      listMapKeys: ['name'],
      // Its elements: the list itself is not.
      atomic: true,
      patchStrategy: ['merge', 'retainKeys'],
      patchMergeKey: 'name',
    },
    // A struct value is printed although it is marked omitempty: Go has no empty struct.
    { name: 'home', type: 'Place', number: 4, required: true, always: true, atomic: true },
    // The field says otherwise than its type.
    { name: 'harbour', type: 'Place', number: 6, pointer: true },
    { name: 'deck', type: '[]string', number: 5, goType: 'v1.Planks', wrapped: true },
  ]);
});

test('each field stands on its own line of the table', () => {
  const lines = tableText(boats).split('\n');
  assert.equal(lines.filter((line) => line.startsWith('      {')).length, 7);
});

test('the TypeScript types are readonly all through, and embed as Go does', () => {
  const text = typesText(boats);
  assert.match(text, /^export type Wood = 'elm' \| 'oak';$/m);
  assert.match(
    text,
    /^export interface Boat extends Place \{\n {2}readonly wood\?: Wood;\n {2}readonly stops: readonly Place\[\];$/m,
  );
  assert.doesNotMatch(text, /made of|Hidden/);
});

test('a wire type that is not what Go says stops the generator', () => {
  const wrong = { ...files, 'generated.proto': proto.replace('optional string wood', 'optional int64 wood') };
  assert.throws(() => model(wrong), /Boat\.Wood: protobuf says int64, Go says string/);
});

test('a number that protobuf does not know stops the generator', () => {
  const wrong = { ...files, 'generated.proto': proto.replace('wood = 2', 'wood = 9') };
  assert.throws(() => model(wrong), /no protobuf field 2/);
});
