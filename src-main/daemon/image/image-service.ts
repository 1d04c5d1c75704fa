/**
 * The image service: what the API's image resources and container create need of images.
 * Follows moby daemon/images. Image id = sha256 of the config JSON, byte for byte.
 */
import type { Readable } from 'node:stream';
import type { ChainId, DiffId } from '../layer/layer-store.ts';

/** The OCI image config with Docker's additions (image-spec config.md, moby image/image.go). */
export interface ImageConfigFile {
  readonly created?: string;
  readonly author?: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly docker_version?: string;
  readonly container?: string;
  readonly comment?: string;
  readonly parent?: string;
  readonly config?: ImageRunConfig;
  readonly container_config?: ImageRunConfig;
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly DiffId[] };
  readonly history?: readonly ImageHistoryEntry[];
}

export interface ImageHistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** `config` of the image: the defaults a container starts from. Names as on the wire. */
export interface ImageRunConfig {
  readonly Hostname?: string;
  readonly Domainname?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>> | null;
  readonly Env?: readonly string[] | null;
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Volumes?: Readonly<Record<string, object>> | null;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly StopSignal?: string;
  readonly StopTimeout?: number;
  readonly Healthcheck?: object | null;
  readonly Shell?: readonly string[] | null;
  readonly OnBuild?: readonly string[] | null;
  readonly ArgsEscaped?: boolean;
  readonly Image?: string;
}

export interface Image {
  /** `sha256:<64 hex>` */
  readonly id: string;
  readonly config: ImageConfigFile;
  /** undefined for an image without layers (FROM scratch). */
  readonly chainId: ChainId | undefined;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** X-Registry-Auth, decoded. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress?: string;
}

/** One line of a pull, push, load or import stream, as the wire has it (jsonmessage). */
export interface ProgressMessage {
  readonly status?: string;
  readonly id?: string;
  readonly progress?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly stream?: string;
  readonly aux?: unknown;
}

/** Answers once the consumer took the line, so that a slow reader slows the work. */
export type ProgressSink = (message: ProgressMessage) => void | Promise<void>;

export interface PullOptions {
  readonly platform?: Platform;
  readonly auth?: RegistryAuth;
  readonly allTags?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress: ProgressSink;
}

export interface PushOptions {
  readonly auth: RegistryAuth;
  readonly signal?: AbortSignal;
  readonly onProgress: ProgressSink;
}

export interface ImageListOptions {
  readonly all?: boolean;
  /** As `filters` of the API: name → values. */
  readonly filters?: Readonly<Record<string, readonly string[]>>;
}

/** How the image service asks about containers without knowing the container room. */
export interface ImageUsers {
  /** Containers that use the image, with what messages need. */
  containersOf(
    imageId: string,
  ): readonly { readonly id: string; readonly name: string; readonly isRunning: boolean }[];
}

/** One row each of the API documents' ImageSummary, ImageInspect, HistoryResponseItem. */
export interface ImageService {
  /**
   * The image for a name, id or id prefix. Throws notFound "No such image: NAME" (with the tag
   * completed as Docker prints it: `No such image: busybox:latest`), also on platform mismatch.
   */
  resolve(reference: string, platform?: Platform): Promise<Image>;
  get(id: string): Image | undefined;
  count(): number;
  list(options: ImageListOptions): Promise<readonly object[]>;
  inspect(reference: string): Promise<object>;
  history(reference: string): Promise<readonly object[]>;
  /** Familiar names ("busybox:latest") that point at the image. */
  namesOf(id: string): readonly string[];
  pull(name: string, tag: string, options: PullOptions): Promise<void>;
  /** One tag, or every tag of the name when `tag` is ''. */
  push(name: string, tag: string, options: PushOptions): Promise<void>;
  load(
    archive: Readable,
    options: { quiet: boolean; signal?: AbortSignal; onProgress: ProgressSink },
  ): Promise<void>;
  save(references: readonly string[]): Promise<Readable>;
  /** `docker import`: a root file system tar becomes a one-layer image; answers its id. */
  importTar(
    archive: Readable,
    options: {
      repository?: string;
      tag?: string;
      message?: string;
      changes?: readonly string[];
      platform?: Platform;
      onProgress: ProgressSink;
    },
  ): Promise<string>;
  tag(reference: string, repository: string, tag: string): Promise<void>;
  /** Rows `{Untagged}` / `{Deleted}` in Docker's order; Docker's conflict messages. */
  remove(
    reference: string,
    options: { force: boolean; noPrune: boolean },
  ): Promise<readonly object[]>;
  prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ ImagesDeleted: readonly object[] | null; SpaceReclaimed: number }>;
  /** A new image from a config whose layers are all in the layer store (commit, import, load). Answers its id. */
  create(config: ImageConfigFile, name?: { repository: string; tag: string }): Promise<string>;
}
