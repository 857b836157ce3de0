import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type GoType, readGoFile } from './go-declarations.ts';

const source = `// +build ignored
package v1

import (
	metav1 "example.com/meta/v1"
	"example.com/resource"
)

/* type Hidden struct { A int } */

// +enum
type Colour string

const (
	// Red is a colour.
	Red Colour = "red" // +k8s:note
	Blue Colour = "blue"
	Green = Colour("green")
	Grey = Colour(metav1.Grey)
	computed = 1 << 3
)

const untyped = 7

// Boat floats.
// +first

// +second
type Boat struct {
	metav1.TypeMeta \`json:",inline"\`
	*Hull           \`json:"hull"\`

	// +optional
	// +default="x"
	Name, Other string \`json:"name,omitempty"\`

	// +lost

	// +listType=map
	Sails map[string][]*resource.Sail \`json:"sails"\` // +trailing
	Note  interface{} \`json:"note"\`
}

type Fleet = []Boat

func (b Boat) String() string {
	type Inner struct{ A int }
	return "}"
}

type Last int32
`;

function structOf(type: GoType | undefined): GoType & { kind: 'struct' } {
  assert.ok(type?.kind === 'struct');
  return type;
}

const file = readGoFile(source);
const boat = structOf(file.types.find(({ name }) => name === 'Boat')?.type);

test('top-level types are found, and those in comments and functions are not', () => {
  assert.equal(file.packageName, 'v1');
  assert.deepEqual(
    file.types.map(({ name }) => name),
    ['Colour', 'Boat', 'Fleet', 'Last'],
  );
});

test('imports are known by the name that the file gives them', () => {
  assert.deepEqual(
    [...file.imports],
    [
      ['metav1', 'example.com/meta/v1'],
      ['resource', 'example.com/resource'],
    ],
  );
});

test('constants carry their type and value', () => {
  assert.deepEqual(file.constants, [
    { name: 'Red', type: 'Colour', value: 'red' },
    { name: 'Blue', type: 'Colour', value: 'blue' },
    { name: 'Green', type: 'Colour', value: 'green' },
    { name: 'Grey', type: 'Colour', value: { package: 'metav1', name: 'Grey' } },
    { name: 'untyped', value: 7 },
  ]);
});

test("a type's markers come from its comment and the one before it", () => {
  assert.deepEqual(file.types[0]?.markers, ['enum']);
  assert.deepEqual(file.types[1]?.markers, ['first', 'second']);
});

test("a field's markers come from its own comment alone", () => {
  const markers = Object.fromEntries(boat.fields.map((field) => [field.name, field.markers]));
  assert.deepEqual(markers['Name'], ['optional', 'default="x"']);
  assert.deepEqual(markers['Other'], ['optional', 'default="x"']);
  assert.deepEqual(markers['Sails'], ['listType=map']);
});

test('embedded fields go by the name of their type', () => {
  assert.deepEqual(
    boat.fields.map(({ name, embedded }) => [name, embedded]),
    [
      ['TypeMeta', true],
      ['Hull', true],
      ['Name', false],
      ['Other', false],
      ['Sails', false],
      ['Note', false],
    ],
  );
  assert.equal(boat.fields[1]?.tag, 'json:"hull"');
});

test('maps, lists, pointers and qualified names nest', () => {
  assert.deepEqual(boat.fields.find(({ name }) => name === 'Sails')?.type, {
    kind: 'map',
    key: { kind: 'name', name: 'string' },
    value: { kind: 'list', element: { kind: 'pointer', to: { kind: 'name', package: 'resource', name: 'Sail' } } },
  });
});

test('an alias is told from a type of its own', () => {
  assert.deepEqual(
    file.types.map(({ alias }) => alias),
    [false, false, true, false],
  );
});
