/** The volume service: named and anonymous volumes of every driver, and who holds them. Follows moby volume/service. */
import type { Volume } from '../../../shared/engine/engine-api.ts';

export interface VolumeCreateRequest {
  readonly Name?: string;
  /** '' = whatever driver has the name, else local. */
  readonly Driver?: string;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** What a mount event tells of the container's side. */
export interface MountDetails {
  readonly destination: string;
  readonly propagation: string;
  readonly readWrite: boolean;
}

export interface VolumeService {
  /** Drivers that can be had, for `docker info`. */
  driverNames(): Promise<readonly string[]>;
  list(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ Volumes: Volume[]; Warnings: string[] | null }>;
  /** Throws notFound `get NAME: no such volume`. */
  inspect(name: string): Promise<Volume>;
  /** Same name and driver again answers the present one. '' makes an anonymous name. */
  create(request: VolumeCreateRequest): Promise<Volume>;
  /** Throws conflict `remove NAME: volume is in use - [ID, ID]`. `force`: none is no error, a dead driver neither. */
  remove(name: string, force: boolean): Promise<void>;
  /** `onlyAnonymous`: API 1.42's rule, see `pruneFilter`. */
  prune(
    filters: Readonly<Record<string, readonly string[]>>,
    options: { readonly onlyAnonymous: boolean },
  ): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }>;
  /** Holds the volume for a container, so that it cannot be removed. */
  acquire(name: string, containerId: string): void;
  release(name: string, containerId: string): void;
  /** Where the data is; mounts it first where there is something to mount. Told in an event when `details` are given. */
  mount(name: string, containerId: string, details?: MountDetails): Promise<string>;
  unmount(
    name: string,
    containerId: string,
    options?: { readonly quietly: boolean },
  ): Promise<void>;
  /** Counts a container that has the volume mounted since before this daemon. */
  adopt(name: string, containerId: string): void;
  /** Unmounts what an earlier daemon mounted for containers that run no more. */
  unmountUnused(): void;
  /** Bytes and users of the local volumes that are plain directories, for `system df`. */
  usage(): Promise<readonly (Volume & { UsageData: { Size: number; RefCount: number } })[]>;
}
