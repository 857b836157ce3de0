/** Reads the messages of upstream's `generated.proto` files: field numbers and wire types, nothing else. */

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  readonly repeated: boolean;
  /** A scalar's name, or a message's as written; for a map, its value's. */
  readonly type: string;
  readonly map: boolean;
}

/** By message name, then by field number. */
export type ProtoMessages = ReadonlyMap<string, ReadonlyMap<number, ProtoField>>;

const messagePattern = /^message (\w+) \{$([\s\S]*?)^\}$/gm;
const fieldPattern = /^\s*(?:(optional|repeated|required) ([\w.]+)|map<string, ([\w.]+)>) (\w+) = (\d+);/gm;

export function readProtoMessages(source: string): ProtoMessages {
  const messages = new Map<string, Map<number, ProtoField>>();
  for (const [, name = '', body = ''] of source.matchAll(messagePattern)) messages.set(name, fieldsOf(body));
  return messages;
}

function fieldsOf(body: string): Map<number, ProtoField> {
  const fields = new Map<number, ProtoField>();
  for (const [, label, type, mapValue, name = '', number] of body.matchAll(fieldPattern)) {
    fields.set(Number(number), {
      name,
      number: Number(number),
      repeated: label === 'repeated',
      type: type ?? mapValue ?? '',
      map: mapValue !== undefined,
    });
  }
  return fields;
}
