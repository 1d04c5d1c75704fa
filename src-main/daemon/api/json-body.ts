/** JSON from clients: read with a limit, parsed and checked, with the messages of Docker's (Go's) decoder. */
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { EngineError, errorMessage, invalidArgument } from '../../../shared/errors.ts';

const MAX_JSON_BYTES = 8 * 1024 * 1024;

/** Throws invalidArgument with status 413 for what is too long. */
export async function readText(source: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_JSON_BYTES) throw invalidArgument('request body too large', { status: 413 });
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** A body, of which Docker's decoder reads the first value as it arrives. */
export function parseBody(text: string): unknown {
  if (text.trim() === '') throw invalidArgument('EOF');
  return parse(text, 'unexpected EOF');
}

/** A text that is there as a whole. */
export const parseJson = (text: string): unknown => parse(text, 'unexpected end of JSON input');

function parse(text: string, atEnd: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidArgument(jsonProblem(errorMessage(error), atEnd), { cause: error });
  }
}

/** Go's words for broken JSON, where they can be told. */
function jsonProblem(text: string, atEnd: string): string {
  if (/end of JSON|Unexpected end|Unterminated|Expected .* at position/.test(text)) {
    const character = /Unexpected token '(.)'/.exec(text)?.[1];
    if (character === undefined) return atEnd;
  }
  const character = /Unexpected token '?(.)'?/.exec(text)?.[1];
  return character === undefined
    ? 'invalid JSON'
    : `invalid character '${character}' looking for beginning of value`;
}

/** Checks a body; the first problem becomes Docker's kind of message. */
export function checkedBody<T extends z.ZodType>(
  schema: T,
  value: unknown,
  goType: string,
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { issues } = result.error;
  const withoutNulls = dropRefusedNulls(value, issues);
  if (withoutNulls !== undefined) return checkedBody(schema, withoutNulls, goType);
  const [issue] = issues;
  const path = (issue?.path ?? []).map(String);
  const received = at(value, path);
  // Go names the struct that has the field, then the way to it without indexes.
  const names = path.filter((part) => !/^\d+$/.test(part));
  const field = [names.at(-2) ?? goType, ...names].filter(Boolean).join('.');
  const expected = issue?.code === 'invalid_type' ? goTypeOf(issue.expected) : 'value';
  throw invalidArgument(
    `json: cannot unmarshal ${goKind(received)} into Go struct field ${field} of type ${expected}`,
  );
}

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inside, key) => (inside as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );

/** Go leaves a field alone that is null; here it goes where a schema refuses it. Undefined: there is none such. */
function dropRefusedNulls(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const copy = structuredClone(value);
  let isChanged = false;
  for (const { path } of issues) {
    const [key, ...way] = path.toReversed();
    const owner = at(copy, way.toReversed());
    if (key === undefined || Array.isArray(owner) || at(copy, path) !== null) continue;
    isChanged = Reflect.deleteProperty(owner as object, key) || isChanged;
  }
  return isChanged ? copy : undefined;
}

const GO_TYPES: Readonly<Record<string, string>> = {
  number: 'int64',
  int: 'int64',
  boolean: 'bool',
  array: '[]string',
};

const goTypeOf = (expected: string): string => GO_TYPES[expected] ?? expected;

const goKind = (value: unknown): string =>
  Array.isArray(value)
    ? 'array'
    : value === null
      ? 'null'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value;

/** The same message with Docker's status 500, which it answers to broken requests before API 1.42. */
export function asServerError(error: unknown): unknown {
  if (!(error instanceof EngineError) || error.status !== 400) return error;
  return new EngineError(error.code, error.message, { cause: error, status: 500 });
}
