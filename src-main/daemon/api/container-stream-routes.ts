/** A container's streams: attach, logs, stats, resize (moby api/server/router/container). */
import { invalidArgument } from '../../../shared/errors.ts';
import type { ContainerService } from '../container/container-service.ts';
import { attachWebSocket } from './attach-websocket.ts';
import { hijack } from './hijack.ts';
import { writeAll } from './json-stream.ts';
import { writeLogs } from './log-stream.ts';
import type { ApiRequest } from './request.ts';
import { get, post, type Route } from './route.ts';
import { takeConnection } from './server.ts';
import { streamType } from './stream-type.ts';
import { parseTimestamp } from './timestamp.ts';

function size(request: ApiRequest): { height: number; width: number } {
  const height = request.integer('h');
  const width = request.integer('w');
  if (height === undefined || width === undefined)
    throw invalidArgument('strconv.Atoi: parsing "": invalid syntax');
  return { height, width };
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

/** Routes of attach, logs, stats and resize. */
export function containerStreamRoutes(containers: ContainerService): readonly Route[] {
  const id = (request: ApiRequest): string => request.parameter('id');
  return [
    post('/containers/{id...}/attach', (request) => attach(containers, request)),
    get('/containers/{id...}/attach/ws', (request) => attachWebSocket(containers, request)),
    get('/containers/{id...}/logs', (request) => logs(containers, request)),
    get('/containers/{id...}/stats', (request) => stats(containers, request)),
    post('/containers/{id...}/resize', async (request) => {
      await containers.resize(id(request), size(request));
      request.empty(200);
    }),
  ];
}
