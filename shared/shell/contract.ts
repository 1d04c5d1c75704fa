/**
 * The shell contract: the one value that says what a window may ask of its shell. Three kinds of
 * operation, each with zod schemas that both ends check. Carriers (Electron's MessagePort, the web
 * shell's WebSocket) know the kinds, never the operations; adding an operation touches this file and
 * its handler.
 *
 * Everything about containers goes through `engine.request`: an HTTP request to a host's Docker
 * Engine API, so that the window speaks the one vocabulary every client speaks.
 */
import { z } from 'zod';
import {
  copyProgressSchema,
  dockerContextSchema,
  hostAnswerSchema,
  hostIdSchema,
  hostQuestionSchema,
  hostSchema,
  installPlanSchema,
  installProgressSchema,
  newHostSchema,
} from './host-schemas.ts';
import {
  terminalIdSchema,
  terminalRowSchema,
  terminalSizeSchema,
  terminalTargetSchema,
} from './terminal-schemas.ts';

/** One question, one answer. */
export interface CallOperation<I extends z.ZodType, O extends z.ZodType> {
  readonly kind: 'call';
  readonly input: I;
  readonly output: O;
}

/** One question, many answers, until either side ends it. Slow consumers slow the producer. */
export interface StreamOperation<I extends z.ZodType, O extends z.ZodType> {
  readonly kind: 'stream';
  readonly input: I;
  readonly output: O;
}

/** Bytes both ways with backpressure, after a head answered by the shell. Each side can half-close. */
export interface DuplexOperation<I extends z.ZodType, H extends z.ZodType> {
  readonly kind: 'duplex';
  readonly input: I;
  readonly head: H;
}

export type Operation =
  | CallOperation<z.ZodType, z.ZodType>
  | StreamOperation<z.ZodType, z.ZodType>
  | DuplexOperation<z.ZodType, z.ZodType>;

const call = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ kind: 'call', input, output }) as CallOperation<I, O>;
const stream = <I extends z.ZodType, O extends z.ZodType>(input: I, output: O) =>
  ({ kind: 'stream', input, output }) as StreamOperation<I, O>;
const duplex = <I extends z.ZodType, H extends z.ZodType>(input: I, head: H) =>
  ({ kind: 'duplex', input, head }) as DuplexOperation<I, H>;

const nothing = z.object({}).strict();

const appInfoSchema = z.object({
  name: z.literal('Windlass'),
  version: z.string(),
  shell: z.enum(['electron', 'web']),
  platform: z.string(),
  /** true when the shell can show native dialogs and menus. */
  hasNativeDialogs: z.boolean(),
});

/** What of the containers is shown, kept under a name. */
const containerFilterSchema = z.object({
  name: z.string().min(1).max(60),
  search: z.string().max(200),
  state: z.enum(['all', 'running', 'stopped']),
});

const settingsFields = {
  theme: z.enum(['system', 'light', 'dark']),
  keepRunningInTray: z.boolean(),
  terminalFontSize: z.number().int().min(8).max(32),
  /** app: as the rest of the window. */
  terminalTheme: z.enum(['dark', 'app']),
  /** Keys of the columns the container list shows. */
  containerColumns: z.array(z.string().max(40)).max(40),
  containerFilters: z.array(containerFilterSchema).max(50),
};

/** What the user chose; what a file lacks has its default. */
export const settingsSchema = z.object({
  theme: settingsFields.theme.default('system'),
  keepRunningInTray: settingsFields.keepRunningInTray.default(true),
  terminalFontSize: settingsFields.terminalFontSize.default(13),
  terminalTheme: settingsFields.terminalTheme.default('dark'),
  containerColumns: settingsFields.containerColumns.default(['image', 'state', 'usage', 'ports']),
  containerFilters: settingsFields.containerFilters.default([]),
});

/** A change names only what changes: no defaults, they would undo the other choices. */
const settingsChangeSchema = z.object(settingsFields).partial();

const registryRowSchema = z.object({
  /** `docker.io`, `host:5000`. */
  address: z.string(),
  username: z.string(),
  /** docker: in the docker CLI's file. helper: with a credential program. memory: until the app ends. */
  keeper: z.enum(['docker', 'helper', 'keychain', 'memory']),
  /** The program's name. */
  helper: z.string().optional(),
});

const engineRequestSchema = z.object({
  host: hostIdSchema,
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE']),
  /** Path with query, e.g. `/containers/json?all=1`; no version prefix, the gateway adds none. */
  path: z
    .string()
    .regex(/^\/[^\s#]*$/)
    .max(16_384),
  headers: z.record(z.string().regex(/^[A-Za-z0-9-]+$/), z.string().regex(/^[^\r\n]*$/)),
  /** Ask for a hijacked connection (`Upgrade: tcp`), for attach and exec. */
  upgrade: z.boolean().optional(),
  /** Body of an upgraded request: the channel's own bytes are the process's. */
  body: z
    .string()
    .max(1024 * 1024)
    .optional(),
});

const engineHeadSchema = z.object({
  status: z.number().int(),
  headers: z.record(z.string(), z.string()),
});

export const shellContract = {
  'app.info': call(nothing, appInfoSchema),
  'hosts.list': call(nothing, z.array(hostSchema)),
  /** The whole list at once, again after every change. */
  'hosts.watch': stream(nothing, z.array(hostSchema)),
  /** Adds a host to the book and connects to it; answers its row. */
  'hosts.add': call(newHostSchema, hostSchema),
  /** Only hosts a person added. */
  'hosts.remove': call(hostSchema.pick({ id: true }), nothing),
  /** Tries again now, also after a refusal. */
  'hosts.connect': call(hostSchema.pick({ id: true }), nothing),
  /** Facts about the machine of an SSH host, by name. */
  'hosts.facts': call(hostSchema.pick({ id: true }), z.record(z.string(), z.string())),
  /** Questions that wait for a person, the whole list after every change. */
  'hosts.questions': stream(nothing, z.array(hostQuestionSchema)),
  'hosts.answer': call(hostAnswerSchema, nothing),
  /** A port of an SSH host on 127.0.0.1 of this machine, told once; it ends with the stream. */
  'hosts.forward': stream(
    hostSchema.pick({ id: true }).extend({
      address: z
        .string()
        .regex(/^[A-Za-z0-9:.-]+$/)
        .max(255),
      port: z.number().int().min(1).max(65_535),
    }),
    z.object({ port: z.number().int() }),
  ),
  /** What it would take to set up our own daemon on an SSH host; changes nothing there. */
  'hosts.installPlan': call(hostSchema.pick({ id: true }), installPlanSchema),
  /** Sets it up, or updates it; the engine answers when the stream ends. Goes on after a cut upload. */
  'hosts.install': stream(hostSchema.pick({ id: true }), installProgressSchema),
  /** Takes it away again; `withData` its containers, images and volumes too. */
  'hosts.uninstall': stream(
    hostSchema.pick({ id: true }).extend({ withData: z.boolean() }),
    installProgressSchema,
  ),
  /** An image from one host's engine to another's, without a registry; it is there when the stream ends. */
  'images.copy': stream(
    z.object({ from: hostIdSchema, to: hostIdSchema, image: z.string().min(1).max(1024) }),
    copyProgressSchema,
  ),
  /** Docker's contexts of this machine. */
  'contexts.list': call(nothing, z.array(dockerContextSchema)),
  /** Makes a Docker context that points to the host; never the current one. Answers its name. */
  'contexts.create': call(
    hostSchema.pick({ id: true }).extend({ name: z.string().max(128) }),
    z.object({ name: z.string() }),
  ),
  'engine.request': duplex(engineRequestSchema, engineHeadSchema),
  /** Logged in to, by address; no secret is among it. */
  'registries.list': call(nothing, z.array(registryRowSchema)),
  /** The host's engine tries it first. */
  'registries.login': call(
    z.object({
      host: hostIdSchema,
      address: z.string().min(1).max(255),
      username: z.string().min(1).max(255),
      password: z.string().min(1).max(65_536),
    }),
    nothing,
  ),
  'registries.logout': call(z.object({ address: z.string().min(1).max(255) }), nothing),
  /** What the engine of this app has said lately, oldest first; no lines when it has none of its own. */
  'engine.log': call(nothing, z.object({ lines: z.array(z.string()).optional() })),
  /** The whole list of terminals, again after every change. They outlive the windows that show them. */
  'terminals.watch': stream(nothing, z.array(terminalRowSchema)),
  'terminals.begin': call(
    terminalSizeSchema.extend({ target: terminalTargetSchema }),
    terminalIdSchema,
  ),
  /** What was said before, as far as it is kept, then all that comes; typed bytes the other way. */
  'terminals.show': duplex(terminalIdSchema, nothing),
  'terminals.resize': call(terminalSizeSchema.extend(terminalIdSchema.shape), nothing),
  /** Hangs up and forgets it. */
  'terminals.end': call(terminalIdSchema, nothing),
  'settings.read': call(nothing, settingsSchema),
  'settings.write': call(settingsChangeSchema, settingsSchema),
  /** Opens http(s) addresses in the user's browser; others are refused. */
  'external.open': call(z.object({ url: z.url({ protocol: /^https?$/ }) }), nothing),
} as const satisfies Record<string, Operation>;

export type ShellContract = typeof shellContract;
export type OperationName = keyof ShellContract;
type NamesOf<K extends Operation['kind']> = {
  [N in OperationName]: ShellContract[N] extends { kind: K } ? N : never;
}[OperationName];
export type CallName = NamesOf<'call'>;
export type StreamName = NamesOf<'stream'>;
export type DuplexName = NamesOf<'duplex'>;

export type InputOf<N extends OperationName> = z.input<ShellContract[N]['input']>;
export type OutputOf<N extends CallName | StreamName> = z.output<ShellContract[N]['output']>;
export type HeadOf<N extends DuplexName> = z.output<ShellContract[N]['head']>;

/** An open duplex, as the window holds it. Closing the writer half-closes; `abort` ends both ways. */
export interface DuplexChannel<Head> {
  readonly head: Promise<Head>;
  /** Chunks in order; iteration ends at the far side's end and throws EngineError on failure. */
  readonly readable: AsyncIterable<Uint8Array>;
  /** Resolves when there is room again; await it before the next write. After the operation's end
   * bytes are dropped; after its failure this rejects with it. */
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<void>;
  abort(reason?: unknown): void;
}

/** What a window holds of its shell; both carriers give exactly this. Failures are EngineErrors. */
export interface ShellClient {
  call<N extends CallName>(name: N, input: InputOf<N>): Promise<OutputOf<N>>;
  stream<N extends StreamName>(
    name: N,
    input: InputOf<N>,
    signal?: AbortSignal,
  ): AsyncIterable<OutputOf<N>>;
  duplex<N extends DuplexName>(
    name: N,
    input: InputOf<N>,
    signal?: AbortSignal,
  ): DuplexChannel<HeadOf<N>>;
}

export type {
  CopyProgress,
  DockerContext,
  HostQuestion,
  HostRow,
  HostWay,
  InstallPlan,
  InstallProgress,
  NewHost,
} from './host-schemas.ts';
export type RegistryRow = z.output<typeof registryRowSchema>;
export type TerminalTarget = z.output<typeof terminalTargetSchema>;
export type TerminalRow = z.output<typeof terminalRowSchema>;
export type AppInfo = z.output<typeof appInfoSchema>;
export type ContainerFilter = z.output<typeof containerFilterSchema>;
export type Settings = z.output<typeof settingsSchema>;
