/**
 * The API's own documents as a judge of answers: shared/engine/docker-engine-v1.41.yaml and v1.44.yaml, their
 * schemas compiled by ajv. What the documents get wrong about Docker itself is listed here, with the reason.
 */
import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import { parse } from 'yaml';

type Schema = { [key: string]: unknown };

interface ApiDocument {
  readonly definitions: Readonly<Record<string, Schema>>;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly responses?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

/** Answers that Docker gives and its documents deny. `path` and `at` are matched from their beginnings. */
const KNOWN_FAULTS: readonly {
  readonly path: string;
  /** JSON pointer in the answer; `*` stands for one step. */
  readonly at: string;
  readonly reason: string;
}[] = [
  {
    path: '/containers/{id}/json',
    at: '/HostConfig/MemorySwappiness',
    reason: 'null where the kernel decides: Docker keeps a pointer and drops -1',
  },
  {
    path: '/containers/{id}/json',
    at: '/HostConfig/LogConfig/Type',
    reason: 'the list of drivers leaves out `local`',
  },
  {
    path: '/exec/{id}/json',
    at: '/ExitCode',
    reason: 'null until the process has ended: Docker keeps a pointer',
  },
];

/**
 * One fault is everywhere: Go writes a list or map without entries as null, and the documents mark few of
 * them x-nullable. So null passes for every array and object. Formats are not checked: `dateTime` and the
 * Go integer types are no JSON schema formats.
 */
function asJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asJsonSchema);
  if (typeof node !== 'object' || node === null) return node;
  const schema = node as Schema;
  const entries = Object.entries(schema)
    .filter(([key]) => key !== 'example' && key !== 'format' && key !== 'discriminator')
    .map(([key, value]) => [key, asJsonSchema(value)] as const);
  const made: Schema = Object.fromEntries(entries);
  const isNullable =
    schema['x-nullable'] === true || schema['type'] === 'array' || schema['type'] === 'object';
  if (!isNullable) return made;
  if (typeof made['type'] === 'string') made['type'] = [made['type'], 'null'];
  if (Array.isArray(made['enum'])) made['enum'] = [...made['enum'], null];
  return made;
}

class Judge {
  readonly #ajv = new Ajv({
    strict: false,
    allErrors: true,
    validateFormats: false,
    verbose: true,
  });
  readonly #document: ApiDocument;
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(version: string) {
    const url = new URL(`../../shared/engine/docker-engine-v${version}.yaml`, import.meta.url);
    this.#document = parse(readFileSync(url, 'utf8')) as ApiDocument;
    this.#ajv.addSchema({ definitions: asJsonSchema(this.#document.definitions) }, 'document');
  }

  /** The template of a path, such as `/containers/{id}/json`. */
  #templateOf(path: string): string | undefined {
    const templates = Object.keys(this.#document.paths);
    if (templates.includes(path)) return path;
    return templates.find((template) =>
      new RegExp(`^${template.replace(/\{name\}/g, '.+').replace(/\{\w+\}/g, '[^/]+')}$`).test(
        path,
      ),
    );
  }

  /** Why the answer is not what the document says; empty when it is, or when the document says nothing. */
  faults(method: string, path: string, answer: { status: number; value: unknown }): string[] {
    const template = this.#templateOf(path);
    const operation = template && this.#document.paths[template]?.[method.toLowerCase()];
    if (!template || !operation) return [];
    const response = operation.responses?.[String(answer.status)];
    if (!response) {
      // Errors all have one form; a status the document forgot is still an error.
      if (answer.status >= 400) return this.#check('error', ERROR, template, answer.value);
      return [`${answer.status} is not among the answers of ${method} ${template}`];
    }
    if (!response.schema) return [];
    return this.#check(
      `${method} ${template} ${answer.status}`,
      response.schema,
      template,
      answer.value,
    );
  }

  #check(key: string, schema: Schema, template: string, value: unknown): string[] {
    let validate = this.#compiled.get(key);
    if (!validate) {
      const text = JSON.stringify(asJsonSchema(schema));
      validate = this.#ajv.compile(
        JSON.parse(text.replaceAll('"#/definitions/', '"document#/definitions/')) as Schema,
      );
      this.#compiled.set(key, validate);
    }
    if (validate(value)) return [];
    return (validate.errors ?? [])
      .filter(({ instancePath }) => !isKnown(template, instancePath))
      .map(
        ({ instancePath, message, params, data }) =>
          `${instancePath || '/'} ${message} ${JSON.stringify(params)}, is ${JSON.stringify(data)?.slice(0, 80)}`,
      );
  }
}

const ERROR: Schema = { $ref: '#/definitions/ErrorResponse' };

const isKnown = (template: string, pointer: string): boolean =>
  KNOWN_FAULTS.some(
    ({ path, at }) =>
      template.startsWith(path) && new RegExp(`^${at.replaceAll('*', '[^/]+')}(/|$)`).test(pointer),
  );

const judges = new Map<string, Judge>();

function judgeOf(version: string): Judge {
  const made = judges.get(version) ?? new Judge(version);
  judges.set(version, made);
  return made;
}

/** The document that speaks for an API version: the older up to 1.41, then the newer. */
const documentOf = (minor: number): string => (minor <= 41 ? '1.41' : '1.44');

/**
 * Throws when a JSON answer of ours is not what the document of its version says. Streams of JSON and
 * answers that are no JSON pass.
 * @param target - path with version and query, as requested; without a version it is the newest
 */
export function judgeAnswer(
  method: string,
  target: string,
  answer: { readonly status: number; readonly body: string },
): void {
  const match = /^(?:\/v1\.(\d+))?([^?]*)/.exec(target);
  const path = match?.[2] ?? '';
  const version = documentOf(Number(match?.[1] ?? 44));
  const value = parseWhole(answer.body);
  if (value === undefined) return;
  const faults = judgeOf(version).faults(method, path, { status: answer.status, value });
  if (faults.length === 0) return;
  throw new Error(
    `${method} ${target} (${answer.status}) is not what the v${version} document says:\n${faults.join('\n')}`,
  );
}

function parseWhole(body: string): unknown {
  if (!/^\s*[[{]/.test(body)) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
