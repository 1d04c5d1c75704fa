/** A container's files: archive, export, changes (moby api/server/router/container/copy.go). */
import { invalidArgument } from '../../../shared/errors.ts';
import type { ContainerService } from '../container/container-service.ts';
import type { ApiRequest } from './request.ts';
import { get, head, put, type Route } from './route.ts';

function pathOf(request: ApiRequest): string {
  const path = request.text('path');
  if (path === '') throw invalidArgument('"path" query parameter is required');
  return path;
}

const statHeader = (stat: object): string => Buffer.from(JSON.stringify(stat)).toString('base64');

/** Routes of archive, export and changes. */
export function containerFileRoutes(containers: ContainerService): readonly Route[] {
  const id = (request: ApiRequest): string => request.parameter('id');
  return [
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
  ];
}
