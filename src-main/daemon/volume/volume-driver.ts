/** A volume driver: the local one, or a plugin's (moby volume/volume.go). */

export interface DriverVolume {
  readonly name: string;
  /** '' for a plugin's volume that is not mounted. */
  readonly mountpoint: string;
  /** RFC 3339, when the driver knows. */
  readonly createdAt?: string;
  /** What a plugin tells beside. */
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface VolumeDriver {
  readonly name: string;
  readonly scope: 'local' | 'global';
  create(name: string, options: Readonly<Record<string, string>>): Promise<void>;
  /** undefined when the driver has no such volume. */
  get(name: string): Promise<DriverVolume | undefined>;
  list(): Promise<readonly DriverVolume[]>;
  remove(name: string): Promise<void>;
  /** Answers the directory of the data. `id` is the container's; called once for each that uses it. */
  mount(name: string, id: string): Promise<string>;
  /** `isLast`: no other container has it mounted. */
  unmount(name: string, id: string, isLast: boolean): Promise<void>;
}
