/** A container's files: archive, export, changes, commit (moby api/server/router/container/copy.go). */
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { invalidArgument } from '../../../shared/errors.ts';
import type { ContainerService } from '../container/container-service.ts';
import { commitSchema } from './container-schemas.ts';
import type { ApiRequest } from './request.ts';
import { del, get, head, post, put, type Route } from './route.ts';

function pathOf(request: ApiRequest): string {
  const path = request.text('path');
  // Docker's own words, the missing space included.
  if (path === '') throw invalidArgument('bad parameter: pathcannot be empty');
  return path;
}

const statHeader = (stat: object): string => Buffer.from(JSON.stringify(stat)).toString('base64');

async function commit(containers: ContainerService, request: ApiRequest): Promise<void> {
  const config = await request.body(commitSchema, { isOptional: true });
  const created = await containers.commit(request.text('container'), {
    repository: request.text('repo'),
    tag: request.text('tag'),
    author: request.text('author'),
    comment: request.text('comment'),
    changes: request.query.getAll('changes'),
    pause: request.text('pause') === '' || request.flag('pause'),
    ...(config && Object.keys(config).length > 0 ? { config } : {}),
  });
  request.json(created, 201);
}

/** A tar that breaks off ends the connection: the client must not take it for whole. */
async function sendTar(request: ApiRequest, tar: Readable): Promise<void> {
  request.response.flushHeaders();
  await pipeline(tar, request.response);
}

/** Routes of archive, export, changes and commit. */
export function containerFileRoutes(containers: ContainerService): readonly Route[] {
  const id = (request: ApiRequest): string => request.parameter('id');
  return [
    get('/containers/{id...}/changes', async (request) =>
      request.json(await containers.changes(id(request))),
    ),
    get('/containers/{id...}/export', async (request) => {
      const tar = await containers.exportTar(id(request));
      request.response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      await sendTar(request, tar);
    }),
    post('/commit', (request) => commit(containers, request)),
    head('/containers/{id...}/archive', async (request) => {
      const stat = await containers.archiveStat(id(request), pathOf(request));
      request.response.setHeader('X-Docker-Container-Path-Stat', statHeader(stat));
      request.empty(200);
    }),
    get('/containers/{id...}/archive', async (request) => {
      const { stat, tar } = await containers.archiveGet(id(request), pathOf(request));
      request.response.writeHead(200, {
        'Content-Type': 'application/x-tar',
        'X-Docker-Container-Path-Stat': statHeader(stat),
      });
      await sendTar(request, tar);
    }),
    get('/windlass/containers/{id}/files', async (request) =>
      request.json(await containers.listFiles(id(request), pathOf(request))),
    ),
    del('/windlass/containers/{id}/files', async (request) => {
      await containers.removeFile(id(request), pathOf(request));
      request.empty(204);
    }),
    put('/containers/{id...}/archive', async (request) => {
      await containers.archivePut(id(request), pathOf(request), request.incoming, {
        noOverwriteDirNonDir: request.flag('noOverwriteDirNonDir'),
        copyUidGid: request.flag('copyUIDGID'),
      });
      request.empty(200);
    }),
  ];
}
