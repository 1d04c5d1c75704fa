/** `/containers/…` (moby api/server/router/container). */
import type {
  ContainerCreateBody,
  ContainerUpdateBody,
} from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import type { ContainerService } from '../container/container-service.ts';
import type { Platform } from '../image/image-service.ts';
import { createSchema, resourcesSchema } from './container-schemas.ts';
import { hijack } from './hijack.ts';
import { writeAll } from './json-stream.ts';
import { writeLogs } from './log-stream.ts';
import type { ApiRequest } from './request.ts';
import { del, get, head, post, put, type Route } from './route.ts';
import { takeConnection } from './server.ts';
import { parseTimestamp } from './timestamp.ts';

/** Content type of a hijacked stream: named apart for framed output since API 1.42. */
export function streamType(request: ApiRequest, isTty: boolean): string {
  const isFramed = !isTty && request.isAtLeast(42);
  return `application/vnd.docker.${isFramed ? 'multiplexed' : 'raw'}-stream`;
}

/** `linux/amd64/v2` → its parts. */
export function parsePlatform(text: string): Platform | undefined {
  if (text === '') return undefined;
  const [os = '', architecture = '', variant] = text.split('/');
  if (architecture === '')
    throw invalidArgument(
      `"${text}" is an invalid component of "${text}": platform specifier component must match "^[A-Za-z0-9_-]+$"`,
    );
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

function size(request: ApiRequest): { height: number; width: number } {
  const height = request.integer('h');
  const width = request.integer('w');
  if (height === undefined || width === undefined)
    throw invalidArgument('strconv.Atoi: parsing "": invalid syntax');
  return { height, width };
}

function stopOptions(request: ApiRequest): { timeoutSeconds?: number; signal?: string } {
  const seconds = request.integer('t');
  const signal = request.text('signal');
  return {
    ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
    ...(signal === '' ? {} : { signal }),
  };
}

async function create(containers: ContainerService, request: ApiRequest): Promise<void> {
  const body = await request.body(createSchema, { goType: 'ContainerConfigWrapper' });
  const { HostConfig: _host, NetworkingConfig: _networking, ...config } = body;
  if (Object.keys(config).length === 0)
    throw invalidArgument('Config cannot be empty in order to create a container');
  const platform = parsePlatform(request.text('platform'));
  const created = await containers.create(body as unknown as ContainerCreateBody, {
    name: request.text('name'),
    ...(platform === undefined ? {} : { platform }),
  });
  request.json({ Id: created.Id, Warnings: created.Warnings ?? [] }, 201);
}

async function wait(containers: ContainerService, request: ApiRequest): Promise<void> {
  const condition = request.text('condition') || 'not-running';
  if (condition !== 'not-running' && condition !== 'next-exit' && condition !== 'removed')
    throw invalidArgument(`invalid condition: "${condition}"`);
  const { result } = await containers.wait(request.parameter('id'), condition, request.signal);
  // The client starts the container only after it saw this.
  request.response.writeHead(200, { 'Content-Type': 'application/json' });
  request.response.flushHeaders();
  request.response.end(`${JSON.stringify(await result)}\n`);
}

async function attach(containers: ContainerService, request: ApiRequest): Promise<void> {
  const name = request.parameter('id');
  const keys = request.text('detachKeys');
  const isTty = await containers.isTty(name);
  const serve = await containers.attach(name, {
    stdin: request.flag('stdin'),
    stdout: request.flag('stdout'),
    stderr: request.flag('stderr'),
    stream: request.flag('stream'),
    logs: request.flag('logs'),
    ...(keys === '' ? {} : { detachKeys: keys }),
  });
  await serve(hijack({ ...takeConnection(request), contentType: streamType(request, isTty) }));
}

async function logs(containers: ContainerService, request: ApiRequest): Promise<void> {
  const stdout = request.flag('stdout');
  const stderr = request.flag('stderr');
  if (!stdout && !stderr)
    throw invalidArgument('Bad parameters: you must choose at least one stream');
  const tail = request.text('tail');
  const since = parseTimestamp(request.text('since'));
  const until = parseTimestamp(request.text('until'));
  const { isTty, messages } = await containers.logs(request.parameter('id'), {
    stdout,
    stderr,
    follow: request.flag('follow'),
    ...(/^\d+$/.test(tail) ? { tail: Number(tail) } : {}),
    ...(since === undefined ? {} : { sinceNano: since }),
    ...(until === undefined ? {} : { untilNano: until }),
    signal: request.signal,
  });
  request.response.writeHead(200, { 'Content-Type': streamType(request, isTty) });
  request.response.flushHeaders();
  await writeLogs(request, messages, {
    isTty,
    timestamps: request.flag('timestamps'),
    details: request.flag('details'),
  });
}

async function stats(containers: ContainerService, request: ApiRequest): Promise<void> {
  const isStream = request.flag('stream', true);
  const rows = containers.stats(request.parameter('id'), {
    stream: isStream,
    oneShot: request.flag('one-shot'),
    signal: request.signal,
  });
  // The name must be known before the answer begins.
  await containers.isTty(request.parameter('id'));
  request.response.writeHead(200, { 'Content-Type': 'application/json' });
  request.response.flushHeaders();
  for await (const row of rows) await writeAll(request, `${JSON.stringify(row)}\n`);
  request.response.end();
}

function pathOf(request: ApiRequest): string {
  const path = request.text('path');
  if (path === '') throw invalidArgument('"path" query parameter is required');
  return path;
}

const statHeader = (stat: object): string => Buffer.from(JSON.stringify(stat)).toString('base64');

export function containerRoutes(containers: ContainerService): readonly Route[] {
  const id = (request: ApiRequest): string => request.parameter('id');
  const done = (request: ApiRequest): void => request.empty(204);
  return [
    get('/containers/json', async (request) => {
      const limit = request.integer('limit') ?? 0;
      request.json(
        await containers.list({
          all: request.flag('all'),
          limit: Math.max(limit, 0),
          size: request.flag('size'),
          filters: request.filters(),
        }),
      );
    }),
    post('/containers/create', (request) => create(containers, request)),
    post('/containers/prune', async (request) =>
      request.json(await containers.prune(request.filters())),
    ),
    get('/containers/{id}/json', async (request) =>
      request.json(await containers.inspect(id(request), { size: request.flag('size') })),
    ),
    post('/containers/{id}/start', async (request) => {
      const keys = request.text('detachKeys');
      const result = await containers.start(id(request), keys === '' ? {} : { detachKeys: keys });
      request.empty(result === 'started' ? 204 : 304);
    }),
    post('/containers/{id}/wait', (request) => wait(containers, request)),
    post('/containers/{id}/attach', (request) => attach(containers, request)),
    get('/containers/{id}/logs', (request) => logs(containers, request)),
    get('/containers/{id}/stats', (request) => stats(containers, request)),
    post('/containers/{id}/stop', async (request) => {
      const result = await containers.stop(id(request), stopOptions(request));
      request.empty(result === 'stopped' ? 204 : 304);
    }),
    post('/containers/{id}/restart', async (request) => {
      await containers.restart(id(request), stopOptions(request));
      done(request);
    }),
    post('/containers/{id}/kill', async (request) => {
      await containers.kill(id(request), request.text('signal'));
      done(request);
    }),
    post('/containers/{id}/pause', async (request) => {
      await containers.pause(id(request));
      done(request);
    }),
    post('/containers/{id}/unpause', async (request) => {
      await containers.unpause(id(request));
      done(request);
    }),
    post('/containers/{id}/rename', async (request) => {
      await containers.rename(id(request), request.text('name'));
      done(request);
    }),
    post('/containers/{id}/update', async (request) => {
      const body = await request.body(resourcesSchema);
      request.json(await containers.update(id(request), body as unknown as ContainerUpdateBody));
    }),
    post('/containers/{id}/resize', async (request) => {
      await containers.resize(id(request), size(request));
      request.empty(200);
    }),
    del('/containers/{id}', async (request) => {
      await containers.remove(id(request), {
        force: request.flag('force'),
        volumes: request.flag('v'),
        link: request.flag('link'),
      });
      done(request);
    }),
    get('/containers/{id}/top', async (request) =>
      request.json(await containers.top(id(request), request.text('ps_args'))),
    ),
    get('/containers/{id}/changes', async (request) =>
      request.json(await containers.changes(id(request))),
    ),
    get('/containers/{id}/export', async (request) => {
      const tar = await containers.exportTar(id(request));
      request.response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      tar.pipe(request.response);
    }),
    head('/containers/{id}/archive', async (request) => {
      const stat = await containers.archiveStat(id(request), pathOf(request));
      request.response.setHeader('X-Docker-Container-Path-Stat', statHeader(stat));
      request.empty(200);
    }),
    get('/containers/{id}/archive', async (request) => {
      const { stat, tar } = await containers.archiveGet(id(request), pathOf(request));
      request.response.writeHead(200, {
        'Content-Type': 'application/x-tar',
        'X-Docker-Container-Path-Stat': statHeader(stat),
      });
      tar.pipe(request.response);
    }),
    put('/containers/{id}/archive', async (request) => {
      await containers.archivePut(id(request), pathOf(request), request.incoming, {
        noOverwriteDirNonDir: request.flag('noOverwriteDirNonDir'),
        copyUidGid: request.flag('copyUIDGID'),
      });
      request.empty(200);
    }),
    get('/windlass/containers/{id}/launch', async (request) =>
      request.json(await containers.launch(id(request))),
    ),
  ];
}
