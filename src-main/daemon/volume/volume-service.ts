/** The volume service: named and anonymous volumes, and who holds them. Follows moby volume/service. */
import type { Volume } from '../../../shared/engine/engine-api.ts';

export interface VolumeService {
  list(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ Volumes: Volume[]; Warnings: string[] | null }>;
  inspect(name: string): Promise<Volume>;
  /** Same name and driver again answers the present one. '' makes an anonymous name. */
  create(request: {
    readonly Name?: string;
    readonly Driver?: string;
    readonly DriverOpts?: Readonly<Record<string, string>> | null;
    readonly Labels?: Readonly<Record<string, string>> | null;
  }): Promise<Volume>;
  /** Throws conflict `remove NAME: volume is in use - [ID, ID]`. */
  remove(name: string, force: boolean): Promise<void>;
  prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>;
  /** Holds the volume for a container, so that it cannot be removed. */
  acquire(name: string, containerId: string): void;
  release(name: string, containerId: string): void;
  /** Where the data is; mounts it first for a volume with driver options. */
  mount(name: string, containerId: string): Promise<string>;
  unmount(name: string, containerId: string): Promise<void>;
  /** Counts a container that runs since before this daemon and has the volume mounted. */
  adopt(name: string, containerId: string): void;
  /** Unmounts what an earlier daemon mounted for containers that run no more. */
  unmountUnused(): void;
}
