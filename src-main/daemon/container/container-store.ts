/**
 * Containers on disk: `containers/<id>/` with `config.v2.json` (what create fixed; fsynced),
 * `hostconfig.json` (what update may change; fsynced) and `state.json` (what it is doing; renamed
 * into place without fsync: after a power cut no task lives, and a lost state is read as "exited").
 * Follows moby container/container.go (CheckpointTo, FromDisk) and daemon.go (load).
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { writeFileAtomic } from '../platform/atomic-file.ts';
import { hasErrno } from '../platform/libc.ts';
import type { ContainerProgress, ContainerRecord } from './container.ts';
import { NEVER_RUN } from './container-state.ts';

const CONFIG = 'config.v2.json';
const HOST_CONFIG = 'hostconfig.json';
const STATE = 'state.json';
/** Before the id: the container is removed, its files are on their way. */
const REMOVING = '.removing-';

export interface StoredContainer {
  readonly record: ContainerRecord;
  readonly progress: ContainerProgress;
  readonly directory: string;
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

  /** Makes the container's directory and writes all of it. */
  async create(record: ContainerRecord, progress: ContainerProgress): Promise<void> {
    const directory = this.directoryOf(record.id);
    await mkdir(join(directory, 'checkpoints'), { recursive: true, mode: 0o700 });
    await Promise.all([this.saveRecord(record), this.saveProgress(record.id, progress)]);
  }

  /** Writes what create fixed and what update or rename changed. */
  async saveRecord(record: ContainerRecord): Promise<void> {
    const directory = this.directoryOf(record.id);
    const { hostConfig, ...config } = record;
    await Promise.all([
      writeFileAtomic(join(directory, CONFIG), JSON.stringify(config), { mode: 0o600 }),
      writeFileAtomic(join(directory, HOST_CONFIG), JSON.stringify(hostConfig), { mode: 0o600 }),
    ]);
  }

  async saveProgress(id: string, progress: ContainerProgress): Promise<void> {
    await writeFileAtomic(join(this.directoryOf(id), STATE), JSON.stringify(progress), {
      mode: 0o600,
      sync: false,
    });
  }

  /** Takes the container from disk at once. Resolves to the end of deleting its files, which never rejects. */
  async remove(id: string): Promise<{ readonly done: Promise<void> }> {
    const doomed = join(this.#root, `${REMOVING}${id}`);
    try {
      await rename(this.directoryOf(id), doomed);
    } catch (error) {
      // Somebody deleted it: what was wanted.
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
    return { done: this.#delete(doomed) };
  }

  async #delete(path: string): Promise<void> {
    try {
      await rm(path, { recursive: true, force: true, maxRetries: 3 });
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
      if (id.startsWith(REMOVING)) {
        await this.#delete(join(this.#root, id));
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
    const config = (await read(CONFIG)) as Omit<ContainerRecord, 'hostConfig'>;
    if (config.id !== id || typeof config.name !== 'string')
      throw new Error(`${CONFIG} does not describe container ${id}`);
    const hostConfig = (await read(HOST_CONFIG)) as ContainerRecord['hostConfig'];
    const progress = await this.#loadProgress(id, read);
    return { record: { ...config, hostConfig }, progress, directory };
  }

  async #loadProgress(
    id: string,
    read: (name: string) => Promise<unknown>,
  ): Promise<ContainerProgress> {
    try {
      const progress = (await read(STATE)) as ContainerProgress;
      if (typeof progress.state.kind === 'string') return progress;
      throw new Error(`${STATE} has no state`);
    } catch (error) {
      this.#log.warn('container state lost, taken as exited', { id, error: errorMessage(error) });
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
