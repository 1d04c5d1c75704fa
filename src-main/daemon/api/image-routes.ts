/** `/images/…` (moby api/server/router/image). */
import { invalidArgument, notImplemented } from '../../../shared/errors.ts';
import type { ImageService } from '../image/image-service.ts';
import { JsonStream } from './json-stream.ts';
import { parsePlatform } from './platform-text.ts';
import { authInBody, authOf } from './registry-auth-header.ts';
import type { ApiRequest } from './request.ts';
import { del, get, post, type Route } from './route.ts';

async function createImage(images: ImageService, request: ApiRequest): Promise<void> {
  const stream = new JsonStream(request);
  const name = request.text('fromImage');
  const source = request.text('fromSrc');
  const platform = parsePlatform(request.text('platform'));
  if (name !== '') {
    const auth = authOf(request);
    const tag = request.text('tag');
    return stream.run(() =>
      images.pull(name, tag, {
        ...(platform ? { platform } : {}),
        ...(auth ? { auth } : {}),
        signal: request.signal,
        onProgress: stream.send,
      }),
    );
  }
  if (source !== '-')
    throw notImplemented(
      'importing from a URL is not built yet; send the archive (docker import - …)',
    );
  const message = request.text('message');
  return stream.run(async () => {
    await images.importTar(request.incoming, {
      repository: request.text('repo'),
      tag: request.text('tag'),
      ...(message === '' ? {} : { message }),
      changes: request.query.getAll('changes'),
      ...(platform ? { platform } : {}),
      onProgress: stream.send,
    });
  });
}

async function save(
  images: ImageService,
  request: ApiRequest,
  names: readonly string[],
): Promise<void> {
  const archive = await images.save(names);
  request.response.writeHead(200, { 'Content-Type': 'application/x-tar' });
  archive.on('error', () => request.response.destroy());
  request.response.once('close', () => archive.destroy());
  archive.pipe(request.response);
}

export function imageRoutes(images: ImageService): readonly Route[] {
  const name = (request: ApiRequest): string => request.parameter('name');
  return [
    get('/images/json', async (request) =>
      request.json(await images.list({ all: request.flag('all'), filters: request.filters() })),
    ),
    post('/images/create', (request) => createImage(images, request)),
    post('/images/load', async (request) => {
      const stream = new JsonStream(request);
      const load = (): Promise<void> =>
        images.load(request.incoming, {
          quiet: request.flag('quiet', true),
          signal: request.signal,
          onProgress: stream.send,
        });
      await stream.run(load, { tellsInStream: true });
    }),
    post('/images/prune', async (request) => request.json(await images.prune(request.filters()))),
    get('/images/get', (request) => save(images, request, request.query.getAll('names'))),
    get('/images/{name...}/get', (request) => save(images, request, [name(request)])),
    get('/images/{name...}/json', async (request) =>
      request.json(await images.inspect(name(request))),
    ),
    get('/images/{name...}/history', async (request) =>
      request.json(await images.history(name(request))),
    ),
    post('/images/{name...}/tag', async (request) => {
      const repository = request.text('repo');
      if (repository === '') throw invalidArgument('repo is required');
      await images.tag(name(request), repository, request.text('tag'));
      request.empty(201);
    }),
    post('/images/{name...}/push', async (request) => {
      const auth = authOf(request) ?? (await authInBody(request));
      const stream = new JsonStream(request);
      await stream.run(() =>
        images.push(name(request), request.text('tag'), {
          auth,
          signal: request.signal,
          onProgress: stream.send,
        }),
      );
    }),
    del('/images/{name...}', async (request) =>
      request.json(
        await images.remove(name(request), {
          force: request.flag('force'),
          noPrune: request.flag('noprune'),
        }),
      ),
    ),
  ];
}
