/**
 * The container service as the API's container and exec routes need it. Handlers parse, call one
 * method, encode. All failures are EngineErrors with Docker's words.
 */
import type { Readable } from 'node:stream';
import type {
  ContainerCreateBody,
  ContainerCreateResponse,
  ContainerInspectAnswer,
  ContainerSummary,
  ContainerTopAnswer,
  ContainerUpdateBody,
} from '../../../shared/engine/engine-api.ts';
import type { DirectoryListing, LaunchReport } from '../../../shared/engine/windlass-api.ts';
import type { Platform } from '../image/image-service.ts';
import type { LogMessage } from '../log/log-driver.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

/** One side of a hijacked or raw connection; bytes in, bytes out, half-close each way. */
export interface ClientStream {
  /** Bytes from the client; ends at its half-close. */
  readonly input: Readable;
  /** Resolves when there is room again. */
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
  readonly signal: AbortSignal;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly stream: boolean;
  readonly logs: boolean;
  /** Never framed: the client tells the streams apart itself, or not at all. */
  readonly isRaw?: boolean;
  /** undefined = ctrl-p,ctrl-q. */
  readonly detachKeys?: string;
}

export interface LogsOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly tail?: number;
  readonly sinceNano?: bigint;
  readonly untilNano?: bigint;
  readonly signal: AbortSignal;
}

export interface ExecCreateRequest {
  readonly AttachStdin?: boolean;
  readonly AttachStdout?: boolean;
  readonly AttachStderr?: boolean;
  readonly DetachKeys?: string;
  readonly Tty?: boolean;
  readonly Env?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Privileged?: boolean;
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly ConsoleSize?: readonly number[] | null;
}

export interface CommitOptions {
  /** '': the image gets no name. */
  readonly repository: string;
  readonly tag: string;
  readonly author: string;
  readonly comment: string;
  /** Dockerfile instructions. */
  readonly changes: readonly string[];
  readonly pause: boolean;
  /** Instead of the container's own. */
  readonly config?: object;
}

export interface ContainerService {
  list(options: {
    all: boolean;
    limit: number;
    size: boolean;
    filters: Filters;
  }): Promise<readonly ContainerSummary[]>;
  create(
    body: ContainerCreateBody,
    options: { name: string; platform?: Platform },
  ): Promise<ContainerCreateResponse>;
  inspect(nameOrId: string, options: { size: boolean }): Promise<ContainerInspectAnswer>;
  /** `unchanged` = 304. */
  start(nameOrId: string, options: { detachKeys?: string }): Promise<'started' | 'unchanged'>;
  stop(
    nameOrId: string,
    options: { timeoutSeconds?: number; signal?: string },
  ): Promise<'stopped' | 'unchanged'>;
  restart(nameOrId: string, options: { timeoutSeconds?: number; signal?: string }): Promise<void>;
  kill(nameOrId: string, signal: string): Promise<void>;
  pause(nameOrId: string): Promise<void>;
  unpause(nameOrId: string): Promise<void>;
  rename(nameOrId: string, newName: string): Promise<void>;
  update(nameOrId: string, body: ContainerUpdateBody): Promise<{ Warnings: string[] | null }>;
  remove(
    nameOrId: string,
    options: { force: boolean; volumes: boolean; link: boolean },
  ): Promise<void>;
  prune(filters: Filters): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }>;
  top(nameOrId: string, psArgs: string): Promise<ContainerTopAnswer>;
  changes(nameOrId: string): Promise<readonly { Path: string; Kind: 0 | 1 | 2 }[] | null>;
  exportTar(nameOrId: string): Promise<Readable>;
  /** One `docker stats` row; iteration ends when the container is removed or the signal aborts. */
  stats(
    nameOrId: string,
    options: { stream: boolean; oneShot: boolean; signal: AbortSignal },
  ): AsyncIterable<object>;
  /**
   * Registers the wait before it returns (the client calls start only after it saw the headers), and
   * answers the promise of the result.
   */
  wait(
    nameOrId: string,
    condition: 'not-running' | 'next-exit' | 'removed',
    signal: AbortSignal,
  ): Promise<{ result: Promise<{ StatusCode: number; Error?: { Message: string } }> }>;
  /** true: raw bytes (TTY); false: 8-byte framed. Throws notFound before anything is hijacked. */
  isTty(nameOrId: string): Promise<boolean>;
  /** Checks and registers, then answers the function that serves the hijacked connection. */
  attach(
    nameOrId: string,
    options: AttachOptions,
  ): Promise<(client: ClientStream) => Promise<void>>;
  logs(
    nameOrId: string,
    options: LogsOptions,
  ): Promise<{ isTty: boolean; messages: AsyncIterable<LogMessage> }>;
  resize(nameOrId: string, size: { height: number; width: number }): Promise<void>;
  execCreate(nameOrId: string, request: ExecCreateRequest): Promise<{ Id: string }>;
  /** As attach: checks first, then serves. Detached: the function ends when the process has started. */
  execStart(
    execId: string,
    options: { detach: boolean; tty: boolean; consoleSize?: readonly number[] },
  ): Promise<{ isTty: boolean; serve: (client: ClientStream | undefined) => Promise<void> }>;
  execResize(execId: string, size: { height: number; width: number }): Promise<void>;
  execInspect(execId: string): Promise<object>;
  /** `X-Docker-Container-Path-Stat`. */
  archiveStat(nameOrId: string, path: string): Promise<object>;
  listFiles(nameOrId: string, path: string): Promise<DirectoryListing>;
  removeFile(nameOrId: string, path: string): Promise<void>;
  archiveGet(nameOrId: string, path: string): Promise<{ stat: object; tar: Readable }>;
  archivePut(
    nameOrId: string,
    path: string,
    tar: Readable,
    options: { noOverwriteDirNonDir: boolean; copyUidGid: boolean },
  ): Promise<void>;
  commit(nameOrId: string, options: CommitOptions): Promise<{ Id: string }>;
  launch(nameOrId: string): Promise<LaunchReport>;
}
