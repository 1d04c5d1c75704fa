/**
 * `/containers/…`: list, create, inspect and the verbs of a container's life
 * (moby api/server/router/container). Streams and files have files of their own.
 */
import type {
  ContainerCreateBody,
  ContainerUpdateBody,
} from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import type { ContainerService } from '../container/container-service.ts';
import type { WaitCondition } from '../container/wait.ts';
import { createSchema, resourcesSchema } from './container-schemas.ts';
import { parsePlatform } from './platform-text.ts';
import type { ApiRequest } from './request.ts';
import { del, get, post, type Route } from './route.ts';

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

const WAIT_CONDITIONS: readonly WaitCondition[] = ['not-running', 'next-exit', 'removed'];

async function wait(containers: ContainerService, request: ApiRequest): Promise<void> {
  const condition = waitCondition(request);
  const { result } = await containers.wait(request.parameter('id'), condition, request.signal);
  // The client starts the container only after it saw this.
  request.response.writeHead(200, { 'Content-Type': 'application/json' });
  request.response.flushHeaders();
  const { Error: error, StatusCode } = await result;
  // A client of 1.41 finds an Error always.
  const answer =
    error || !request.isAtLeast(42) ? { Error: error ?? null, StatusCode } : { StatusCode };
  request.response.end(`${JSON.stringify(answer)}\n`);
}

/** Up to 1.41 an unknown word was the usual condition. */
function waitCondition(request: ApiRequest): WaitCondition {
  const asked = request.text('condition');
  const known = WAIT_CONDITIONS.find((one) => one === asked);
  if (known === undefined && asked !== '' && request.isAtLeast(42))
    throw invalidArgument(`invalid condition: "${asked}"`);
  return known ?? 'not-running';
}

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
    get('/containers/{id...}/json', async (request) =>
      request.json(await containers.inspect(id(request), { size: request.flag('size') })),
    ),
    post('/containers/{id...}/start', async (request) => {
      const keys = request.text('detachKeys');
      const result = await containers.start(id(request), keys === '' ? {} : { detachKeys: keys });
      request.empty(result === 'started' ? 204 : 304);
    }),
    post('/containers/{id...}/wait', (request) => wait(containers, request)),
    post('/containers/{id...}/stop', async (request) => {
      const result = await containers.stop(id(request), stopOptions(request));
      request.empty(result === 'stopped' ? 204 : 304);
    }),
    post('/containers/{id...}/restart', async (request) => {
      await containers.restart(id(request), stopOptions(request));
      done(request);
    }),
    post('/containers/{id...}/kill', async (request) => {
      await containers.kill(id(request), request.text('signal'));
      done(request);
    }),
    post('/containers/{id...}/pause', async (request) => {
      await containers.pause(id(request));
      done(request);
    }),
    post('/containers/{id...}/unpause', async (request) => {
      await containers.unpause(id(request));
      done(request);
    }),
    post('/containers/{id...}/rename', async (request) => {
      await containers.rename(id(request), request.text('name'));
      done(request);
    }),
    post('/containers/{id...}/update', async (request) => {
      const body = await request.body(resourcesSchema);
      request.json(await containers.update(id(request), body as unknown as ContainerUpdateBody));
    }),
    del('/containers/{id...}', async (request) => {
      await containers.remove(id(request), {
        force: request.flag('force'),
        volumes: request.flag('v'),
        link: request.flag('link'),
      });
      done(request);
    }),
    get('/containers/{id...}/top', async (request) =>
      request.json(await containers.top(id(request), request.text('ps_args'))),
    ),
    get('/windlass/containers/{id}/launch', async (request) =>
      request.json(await containers.launch(id(request))),
    ),
  ];
}
