/** `GET /images/search`: the search of registries of the first protocol (moby registry/search, endpoint_v1.go). */
import { z } from 'zod';
import { internal, invalidArgument } from '../../../shared/errors.ts';
import type { RegistryAuth } from '../image/image-service.ts';
import { RegistryClient, readDocument } from './registry-client.ts';
import { pushEndpoints, type RegistryEndpoint } from './registry-endpoints.ts';
import { TransportError } from './transport-error.ts';
import type { RegistryAccess } from './try-endpoints.ts';

/** One found repository, as the API has it. */
export interface SearchRow {
  readonly name: string;
  readonly description: string;
  readonly star_count: number;
  readonly is_official: boolean;
  readonly is_automated: boolean;
}

export interface SearchRequest {
  readonly term: string;
  readonly limit: number;
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly auth: RegistryAuth;
  readonly signal: AbortSignal;
}

const OFFICIAL_INDEX = 'https://index.docker.io';
const STALL_TIMEOUT_MS = 15_000;
const ACCEPTED = ['is-automated', 'is-official', 'stars'];

const answerSchema = z.looseObject({
  results: z
    .array(
      z.looseObject({
        name: z.string().default(''),
        description: z.string().nullish(),
        star_count: z.number().default(0),
        is_official: z.boolean().default(false),
        is_automated: z.boolean().default(false),
      }),
    )
    .nullish(),
});

type RowTest = (row: SearchRow) => boolean;

function booleanOf(name: string, values: readonly string[]): boolean {
  const isTrue = values.includes('true') || values.includes('1');
  if (!isTrue && !values.includes('false') && !values.includes('0'))
    throw invalidArgument(`Invalid filter '${name}=[${values.join(' ')}]'`);
  return isTrue;
}

function testsOf(filters: SearchRequest['filters']): readonly RowTest[] {
  const unknown = Object.keys(filters).find((name) => !ACCEPTED.includes(name));
  if (unknown !== undefined) throw invalidArgument(`Invalid filter '${unknown}'`);
  const tests: RowTest[] = [];
  const { 'is-automated': automated, 'is-official': official, stars } = filters;
  if (automated) {
    const wanted = booleanOf('is-automated', automated);
    tests.push((row) => row.is_automated === wanted);
  }
  if (official) {
    const wanted = booleanOf('is-official', official);
    tests.push((row) => row.is_official === wanted);
  }
  for (const value of stars ?? []) {
    if (!/^-?\d+$/.test(value)) throw invalidArgument(`Invalid filter 'stars=${value}'`);
    tests.push((row) => row.star_count >= Number(value));
  }
  return tests;
}

/** The registry a term names, and what is looked for there. */
function splitTerm(term: string): { readonly host: string | undefined; readonly query: string } {
  if (/^https?:\/\//.test(term))
    throw internal('Invalid repository name (ex: "registry.domain.tld/myrepos")');
  const slash = term.indexOf('/');
  const first = term.slice(0, Math.max(slash, 0));
  if (slash === -1 || !(/[.:]/.test(first) || first === 'localhost'))
    return { host: undefined, query: term };
  const query = term.slice(slash + 1);
  const isHub = first === 'docker.io' || first === 'index.docker.io';
  return isHub
    ? { host: undefined, query: query.replace(/^library\//, '') }
    : { host: first, query };
}

/** Throws invalidArgument for limit and filters, internal in Docker's words for what the registry does. */
export async function searchRegistry(
  access: RegistryAccess,
  request: SearchRequest,
): Promise<readonly SearchRow[]> {
  const tests = testsOf(request.filters);
  const { limit, signal } = request;
  if (limit < 1 || limit > 100)
    throw invalidArgument(`Limit ${limit} is outside the range of [1, 100]`);
  const { host, query } = splitTerm(request.term);
  await using client = await clientFor(access, host, request);
  const url = `${client.url('v1/search')}?q=${encodeURIComponent(query)}&n=${limit}`;
  const response = await client.request({
    method: 'GET',
    url,
    headers: { 'x-docker-token': 'true', ...basicOf(request.auth) },
    signal,
  });
  const text = await readDocument(response);
  if (response.statusCode !== 200) throw internal(`Unexpected status code ${response.statusCode}`);
  const answer = answerSchema.safeParse(JSON.parse(text));
  if (!answer.success) throw internal('error decoding registry search response');
  return (answer.data.results ?? [])
    .map((row) => ({
      star_count: row.star_count,
      is_official: row.is_official,
      name: row.name,
      is_automated: row.is_automated,
      description: row.description ?? '',
    }))
    .filter((row) => tests.every((test) => test(row)));
}

const basicOf = ({ username = '', password = '' }: RegistryAuth): Record<string, string> =>
  username !== '' && password !== ''
    ? { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
    : {};

/** A client of the first endpoint that answers; the public index is not asked first. */
async function clientFor(
  access: RegistryAccess,
  host: string | undefined,
  { signal }: SearchRequest,
): Promise<RegistryClient> {
  const connect = (endpoint: RegistryEndpoint): RegistryClient =>
    new RegistryClient({
      endpoint,
      scope: undefined,
      repository: '',
      auth: {},
      stallTimeoutMs: access.registry().stallTimeoutMs ?? STALL_TIMEOUT_MS,
      userAgent: access.userAgent,
    });
  if (host === undefined) {
    const [endpoint] = await pushEndpoints('docker.io', access.registry());
    return connect({
      isMirror: false,
      tls: { rejectUnauthorized: true },
      ...endpoint,
      url: OFFICIAL_INDEX,
    });
  }
  const attempts: string[] = [];
  for (const endpoint of await pushEndpoints(host, access.registry())) {
    const client = connect(endpoint);
    try {
      const response = await client.request({ method: 'GET', url: client.url('v1/_ping'), signal });
      await response.body.dump();
      return client;
    } catch (error) {
      await client[Symbol.asyncDispose]();
      if (!(error instanceof TransportError)) throw error;
      attempts.push(error.message);
    }
  }
  throw internal(unreachable(host, attempts));
}

function unreachable(host: string, [https = '', http]: readonly string[]): string {
  if (http !== undefined)
    return `invalid registry endpoint "http://${host}/v1/". HTTPS attempt: ${https}. HTTP attempt: ${http}`;
  return `invalid registry endpoint https://${host}/v1/: ${https}. If this private registry supports only HTTP or HTTPS with an unknown CA certificate, please add \`--insecure-registry ${host}\` to the daemon's arguments. In the case of HTTPS, if you have access to the registry's CA certificate, no need for the flag; simply place the CA certificate at /etc/docker/certs.d/${host}/ca.crt`;
}
