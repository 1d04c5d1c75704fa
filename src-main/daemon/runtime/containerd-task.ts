/** A container's task, reached through containerd's task service. */
import {
  type ContainerdClient,
  ContainerdError,
  encodeMessage,
  type Message,
} from './containerd-client.ts';
import { ContainerdProcess, whileAway } from './containerd-process.ts';
import type { ExitStatus, ProcessSpec, RuntimeProcess, StdioPaths, Task } from './runtime.ts';
import { runtimeFailure, startFailure } from './runtime-errors.ts';

const PROCESS_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Process';
const RESOURCES_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/LinuxResources';

/** containerd's task status numbers. */
const STATES = ['unknown', 'created', 'running', 'stopped', 'paused', 'paused'] as const;

/** An Any that carries JSON, as containerd's typeurl has it for the OCI types. */
export const jsonAny = (typeUrl: string, value: object): Message => ({
  type_url: typeUrl,
  value: Buffer.from(JSON.stringify(value)),
});

/** An Any that carries one of our messages. */
export const protoAny = (typeUrl: string, message: string, value: Message): Message => ({
  type_url: typeUrl,
  value: encodeMessage(message, value),
});

export class ContainerdTask extends ContainerdProcess implements Task {
  constructor(client: ContainerdClient, containerId: string, pid: number) {
    super(client, { containerId, execId: '' }, pid);
  }

  async exec(execId: string, spec: ProcessSpec, stdio: StdioPaths): Promise<RuntimeProcess> {
    try {
      await this.client.call('tasks', 'Exec', {
        container_id: this.containerId,
        exec_id: execId,
        stdin: stdio.stdin,
        stdout: stdio.stdout,
        stderr: stdio.stderr,
        terminal: stdio.terminal,
        spec: jsonAny(PROCESS_TYPE, spec),
      });
    } catch (error) {
      throw startFailure(error);
    }
    return new ContainerdProcess(this.client, { containerId: this.containerId, execId }, 0);
  }

  /** Frees the task, then its record: nothing of it stays in containerd. */
  override async delete(): Promise<ExitStatus | undefined> {
    const status = await super.delete();
    try {
      await whileAway(() => this.client.call('containers', 'Delete', { id: this.containerId }));
    } catch (error) {
      if (!(error instanceof ContainerdError) || !error.isNotFound) throw runtimeFailure(error);
    }
    return status;
  }

  async pause(): Promise<void> {
    await this.#run('Pause');
  }

  async resume(): Promise<void> {
    await this.#run('Resume');
  }

  async pids(): Promise<readonly number[]> {
    const answer = await this.#run('ListPids');
    return ((answer['processes'] ?? []) as { pid: number }[]).map((process) => process.pid);
  }

  async update(resources: object): Promise<void> {
    try {
      await this.client.call('tasks', 'Update', {
        container_id: this.containerId,
        resources: jsonAny(RESOURCES_TYPE, resources),
      });
    } catch (error) {
      throw runtimeFailure(error);
    }
  }

  async state(): ReturnType<Task['state']> {
    const answer = await this.#run('Get');
    const { status = 0 } = (answer['process'] ?? {}) as { status?: number };
    return STATES[status] ?? 'unknown';
  }

  async #run(method: 'Pause' | 'Resume' | 'ListPids' | 'Get'): Promise<Message> {
    try {
      return await whileAway(() => this.client.call('tasks', method, this.ids));
    } catch (error) {
      throw runtimeFailure(error);
    }
  }
}
