/** The verbs that are about a container's files, for the service. */
import { changes } from './changes.ts';
import { commitContainer } from './commit.ts';
import type { ContainerContext } from './container-context.ts';
import type { ContainerService } from './container-service.ts';
import {
  archiveGet,
  archivePut,
  archiveStat,
  exportTar,
  listFiles,
  removeFile,
} from './copy-files.ts';

type FileVerbs = Pick<
  ContainerService,
  | 'changes'
  | 'exportTar'
  | 'listFiles'
  | 'removeFile'
  | 'archiveStat'
  | 'archiveGet'
  | 'archivePut'
  | 'commit'
>;

/** Each finds the container by the name asked for and does one thing. */
export function fileVerbs(context: ContainerContext): FileVerbs {
  const { registry } = context;
  return {
    changes: async (name) => changes(context, registry.find(name)),
    exportTar: async (name) => exportTar(context, registry.find(name)),
    archiveStat: async (name, path) => archiveStat(context, registry.find(name), { name, path }),
    archiveGet: async (name, path) => archiveGet(context, registry.find(name), { name, path }),
    archivePut: async (name, path, tar, options) =>
      archivePut(context, registry.find(name), { name, path, tar, ...options }),
    listFiles: async (name, path) => listFiles(context, registry.find(name), { name, path }),
    removeFile: async (name, path) => removeFile(context, registry.find(name), { name, path }),
    commit: async (name, options) => ({
      Id: await commitContainer(context, registry.find(name), options),
    }),
  };
}
