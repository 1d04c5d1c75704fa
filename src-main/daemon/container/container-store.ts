/**
 * Containers on disk: `containers/<id>/` with `config.v2.json` (what create fixed; fsynced),
 * `hostconfig.json` (what update may change; fsynced) and `state.json` (what it is doing; renamed
 * into place without fsync: after a power cut no task lives, and a lost state is read as "exited").
 * Follows moby container/container.go (CheckpointTo, FromDisk) and daemon.go (load).
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import {
  setAside,
  sweepTemporaryFiles,
  syncDirectory,
  writeFileAtomic,
} from '../platform/atomic-file.ts';
import { failpoint } from '../platform/failpoint.ts';
import { hasErrno } from '../platform/libc.ts';
import { removeTree } from '../platform/remove-tree.ts';
import type { ContainerProgress, ContainerRecord } from './container.ts';
import { NEVER_RUN } from './container-state.ts';
import { checkedProgress, checkedRecord } from './stored-container.ts';

const CONFIG = 'config.v2.json';
const HOST_CONFIG = 'hostconfig.json';
const STATE = 'state.json';
const IS_ID = /^[0-9a-f]{64}$/;
/** In a container's directory while it is being made: names of the anonymous volumes made for it. */
const VOLUMES = 'anonymous-volumes.json';
/** Before the id: the container is removed, its files are on their way. */
const REMOVING = '.removing-';
/** The same, and its anonymous volumes go with it. */
const REMOVING_VOLUMES = '.removing-volumes-';
/** Before the id: the container is being made, nobody has been told of it. */
const CREATING = '.creating-';

export interface StoredContainer {
  readonly record: ContainerRecord;
  readonly progress: ContainerProgress;
  readonly directory: string;
}

/** A create or a removal that was cut off. */
export interface CutOff {
  /** Anonymous volumes that go with it. */
  readonly volumes: readonly string[];
  /** Deletes its files; once the volumes are gone. Never rejects. */
  finish(): Promise<void>;
}

export class ContainerStore {
  readonly #root: string;
  readonly #log: Log;

  private constructor(root: string, log: Log) {
    this.#root = root;
    this.#log = log;
  }

  static async open(dataRoot: string, log: Log): Promise<ContainerStore> {
    const root = join(dataRoot, 'containers');
    await mkdir(root, { recursive: true, mode: 0o710 });
    return new ContainerStore(root, log);
  }

  directoryOf(id: string): string {
    return join(this.#root, id);
  }

  #buildingOf(id: string): string {
    return join(this.#root, `${CREATING}${id}`);
  }

  /** Before anonymous volumes are made for a container: should its create be cut off, they go with it. */
  async noteVolumes(id: string, names: readonly string[]): Promise<void> {
    await mkdir(this.#buildingOf(id), { mode: 0o700 });
    const note = join(this.#buildingOf(id), VOLUMES);
    await writeFileAtomic(note, JSON.stringify(names), { sync: false });
  }

  /** A create that failed has undone everything else. */
  async abandon(id: string): Promise<void> {
    await rm(this.#buildingOf(id), { recursive: true, force: true });
  }

  /** Makes the container's directory with all of it; it is there whole or not at all. */
  async create(record: ContainerRecord, progress: ContainerProgress): Promise<void> {
    const building = this.#buildingOf(record.id);
    try {
      await mkdir(join(building, 'checkpoints'), { recursive: true, mode: 0o700 });
      await writeRecord(building, record);
      failpoint('create: state half written');
      await writeProgress(building, progress);
      await rename(building, this.directoryOf(record.id));
    } catch (error) {
      await rm(building, { recursive: true, force: true });
      throw error;
    }
    // It has said what it had to; not a moment before.
    await rm(join(this.directoryOf(record.id), VOLUMES), { force: true });
    await syncDirectory(this.#root);
  }

  /** Writes what create fixed and what update or rename changed. */
  async saveRecord(record: ContainerRecord): Promise<void> {
    await writeRecord(this.directoryOf(record.id), record);
  }

  async saveProgress(id: string, progress: ContainerProgress): Promise<void> {
    await writeProgress(this.directoryOf(id), progress);
  }

  /** Takes the container from disk at once; its files, and anonymous volumes when asked, are still to go. */
  async remove(
    id: string,
    options: { readonly volumes: boolean },
  ): Promise<Pick<CutOff, 'finish'>> {
    const prefix = options.volumes ? REMOVING_VOLUMES : REMOVING;
    const doomed = join(this.#root, `${prefix}${id}`);
    try {
      await rename(this.directoryOf(id), doomed);
    } catch (error) {
      // Somebody deleted it: what was wanted.
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
    return { finish: () => this.#delete(doomed) };
  }

  /** Everything the last daemon had begun to make or to remove. */
  async cutOff(): Promise<readonly CutOff[]> {
    const names = await readdir(this.#root);
    return Promise.all(
      names.filter(isCutOff).map(async (name) => {
        const path = join(this.#root, name);
        return { volumes: await this.#volumesOf(path, name), finish: () => this.#delete(path) };
      }),
    );
  }

  /** None when what would tell them is not there (yet) or broken: they are kept then. */
  async #volumesOf(path: string, name: string): Promise<readonly string[]> {
    try {
      if (name.startsWith(CREATING)) return await namesNoted(join(path, VOLUMES));
      if (name.startsWith(REMOVING_VOLUMES)) return await namesRecorded(join(path, CONFIG));
    } catch (error) {
      if (!hasErrno(error, 'ENOENT'))
        this.#log.warn('anonymous volumes of a cut-off operation are kept', {
          path,
          error: errorMessage(error),
        });
    }
    return [];
  }

  async #delete(path: string): Promise<void> {
    try {
      await removeTree(path);
    } catch (error) {
      this.#log.warn(
        'files of a removed container could not be deleted, the next start tries again',
        {
          path,
          error: errorMessage(error),
        },
      );
    }
  }

  /** Ids of containers set aside at any start; what they own is not swept. */
  async quarantinedIds(): Promise<readonly string[]> {
    try {
      return (await readdir(`${this.#root}-quarantine`)).map((name) => name.slice(0, 64));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return [];
      throw error;
    }
  }

  /** Every readable container; an unreadable one is moved to `containers-quarantine/` and named in the log. */
  async loadAll(): Promise<readonly StoredContainer[]> {
    const loaded: StoredContainer[] = [];
    for (const id of await readdir(this.#root)) {
      if (isCutOff(id)) continue;
      if (!IS_ID.test(id)) {
        this.#log.warn('no container, left alone', { path: join(this.#root, id) });
        continue;
      }
      try {
        loaded.push(await this.#load(id));
      } catch (error) {
        await this.#quarantine(id, error);
      }
    }
    return loaded;
  }

  async #load(id: string): Promise<StoredContainer> {
    const directory = this.directoryOf(id);
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(join(directory, name), 'utf8'));
    const record = checkedRecord(await read(CONFIG), await read(HOST_CONFIG));
    if (record.id !== id) throw new Error(`${CONFIG} does not describe container ${id}`);
    const progress = await this.#loadProgress(id, read);
    await sweepTemporaryFiles(directory);
    return { record, progress, directory };
  }

  async #loadProgress(
    id: string,
    read: (name: string) => Promise<unknown>,
  ): Promise<ContainerProgress> {
    try {
      return checkedProgress(await read(STATE));
    } catch (error) {
      const isThere = !hasErrno(error, 'ENOENT');
      this.#log.warn('container state lost, taken as exited', {
        id,
        error: errorMessage(error),
        ...(isThere ? { movedTo: await setAside(join(this.directoryOf(id), STATE)) } : {}),
      });
      return {
        state: { kind: 'exited', lastRun: { ...NEVER_RUN, exitCode: 255 } },
        restartCount: 0,
        hasBeenManuallyStopped: false,
        hasBeenStartedBefore: true,
        sandbox: null,
        launches: [],
      };
    }
  }

  async #quarantine(id: string, error: unknown): Promise<void> {
    const quarantine = `${this.#root}-quarantine`;
    await mkdir(quarantine, { recursive: true, mode: 0o700 });
    const target = join(quarantine, `${id}-${Date.now()}`);
    await rename(this.directoryOf(id), target);
    this.#log.error('container cannot be read and was set aside; its files are kept', {
      id,
      movedTo: target,
      error: errorMessage(error),
    });
  }
}

const isCutOff = (name: string): boolean => name.startsWith(REMOVING) || name.startsWith(CREATING);

async function namesNoted(path: string): Promise<readonly string[]> {
  return z.array(z.string()).parse(JSON.parse(await readFile(path, 'utf8')));
}

const mountsSchema = z.object({
  mounts: z.array(
    z.looseObject({ Name: z.string().optional(), anonymous: z.boolean().optional() }),
  ),
});

/** The anonymous volumes of a container's record. */
async function namesRecorded(path: string): Promise<readonly string[]> {
  const { mounts } = mountsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  return mounts.flatMap(({ Name, anonymous }) => (anonymous && Name ? [Name] : []));
}

async function writeRecord(
  directory: string,
  { hostConfig, ...config }: ContainerRecord,
): Promise<void> {
  await Promise.all([
    writeFileAtomic(join(directory, CONFIG), JSON.stringify(config), { mode: 0o600 }),
    writeFileAtomic(join(directory, HOST_CONFIG), JSON.stringify(hostConfig), { mode: 0o600 }),
  ]);
}

async function writeProgress(directory: string, progress: ContainerProgress): Promise<void> {
  await writeFileAtomic(join(directory, STATE), JSON.stringify(progress), {
    mode: 0o600,
    sync: false,
  });
}
