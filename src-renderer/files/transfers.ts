/** Files in and out of a container, and what is said about it. */
import type { DirectoryEntry } from '../../shared/engine/windlass-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { saveStream } from '../ui/save-stream.ts';
import { showToast, tellFailure } from '../ui/toasts.ts';
import { type ContainerFiles, joinPath } from './container-files.ts';

/** Saves a file as it is, anything else as a tar. */
export function download(files: ContainerFiles, directory: string, entry: DirectoryEntry): void {
  const path = joinPath(directory, entry.name);
  const isFile = !entry.isDirectory && entry.linkTarget === undefined;
  tellFailure(
    isFile
      ? saveStream(entry.name, Promise.resolve(files.bytes(path)))
      : saveStream(`${entry.name}.tar`, files.archive(path)),
  );
}

/** Puts files of this machine into a directory, one after another. Never rejects. */
export async function uploadAll(
  files: ContainerFiles,
  directory: string,
  chosen: readonly File[],
): Promise<void> {
  for (const file of chosen) {
    try {
      await files.upload(directory, file);
      showToast('info', `${file.name} is in ${directory} now`);
    } catch (error) {
      showToast('error', `${file.name}: ${errorMessage(error)}`);
    }
  }
}
