/** `/exec/…` (moby api/server/router/container/exec.go). */
import type { ContainerService } from '../container/container-service.ts';
import { execCreateSchema, execStartSchema } from './container-schemas.ts';
import { hijack } from './hijack.ts';
import type { ApiRequest } from './request.ts';
import { get, post, type Route } from './route.ts';
import { takeConnection } from './server.ts';
import { streamType } from './stream-type.ts';

async function start(containers: ContainerService, request: ApiRequest): Promise<void> {
  const {
    Detach: detach = false,
    Tty: tty = false,
    ConsoleSize: size,
  } = await request.body(execStartSchema, { isOptional: true });
  const { isTty, serve } = await containers.execStart(request.parameter('id'), {
    detach,
    tty,
    ...(size ? { consoleSize: size } : {}),
  });
  if (detach) {
    await serve(undefined);
    request.empty(200);
    return;
  }
  await serve(hijack({ ...takeConnection(request), contentType: streamType(request, isTty) }));
}

export function execRoutes(containers: ContainerService): readonly Route[] {
  return [
    post('/containers/{id...}/exec', async (request) => {
      const body = await request.body(execCreateSchema);
      request.json(await containers.execCreate(request.parameter('id'), body as never), 201);
    }),
    post('/exec/{id}/start', (request) => start(containers, request)),
    post('/exec/{id}/resize', async (request) => {
      await containers.execResize(request.parameter('id'), {
        height: request.integer('h') ?? 0,
        width: request.integer('w') ?? 0,
      });
      request.empty(200);
    }),
    get('/exec/{id}/json', async (request) =>
      request.json(await containers.execInspect(request.parameter('id'))),
    ),
  ];
}
