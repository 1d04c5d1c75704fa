/**
 * Programs that outlive us, started without copying our page tables and without holding the event loop:
 * posix_spawn on a thread of the pool shares our memory until the program runs, where Node's own spawn
 * forks and waits on the main thread.
 */
import { libcFunction, SyscallError } from './libc.ts';
import { killPid } from './process.ts';

/** glibc's opaque types, with room to spare: they have 80 and 336 bytes on 64-bit machines. */
const ACTIONS_BYTES = 256;
const ATTRIBUTES_BYTES = 1024;
const SIGNAL_SET_BYTES = 128;

const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
const O_RDWR = 2;
const WNOHANG = 1;

const spawnC = libcFunction(
  'int posix_spawn(_Out_ int *pid, const char *path, void *actions, void *attributes, const char **argv, const char **envp)',
);
const actionsInitC = libcFunction('int posix_spawn_file_actions_init(void *actions)');
const actionsDestroyC = libcFunction('int posix_spawn_file_actions_destroy(void *actions)');
const addOpenC = libcFunction(
  'int posix_spawn_file_actions_addopen(void *actions, int fd, const char *path, int flags, unsigned int mode)',
);
const addChdirC = libcFunction(
  'int posix_spawn_file_actions_addchdir_np(void *actions, const char *path)',
);
const attributesInitC = libcFunction('int posix_spawnattr_init(void *attributes)');
const setFlagsC = libcFunction('int posix_spawnattr_setflags(void *attributes, short flags)');
const setDefaultC = libcFunction(
  'int posix_spawnattr_setsigdefault(void *attributes, const void *set)',
);
const setMaskC = libcFunction('int posix_spawnattr_setsigmask(void *attributes, const void *set)');
const fillSetC = libcFunction('int sigfillset(_Out_ void *set)');
const emptySetC = libcFunction('int sigemptyset(_Out_ void *set)');
const waitpidC = libcFunction('int waitpid(int pid, void *status, int options)');

export interface DetachedProcess {
  readonly pid: number;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** A process that has ended is no error. */
  kill(signal: NodeJS.Signals): void;
}

/** By pid; what is called when it has ended. */
const running = new Map<number, () => void>();

/** Takes note of those that have ended; each stays a zombie, and its pid its own, until then. */
function reap(): void {
  for (const [pid, onEnd] of running) {
    if (waitpidC(pid, null, WNOHANG) === 0) continue;
    running.delete(pid);
    onEnd();
  }
  if (running.size === 0) process.off('SIGCHLD', reap);
}

/**
 * Starts the program at `path` (absolute) as the leader of its own session, with nothing on its standard
 * streams, every signal at its default, and the environment given. Throws {@link SyscallError}.
 */
export async function startDetached(
  path: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<DetachedProcess> {
  const actions = Buffer.alloc(ACTIONS_BYTES);
  must('posix_spawn_file_actions_init', path, actionsInitC(actions));
  try {
    for (const fd of [0, 1, 2])
      must('addopen', '/dev/null', addOpenC(actions, fd, '/dev/null', O_RDWR, 0));
    must('addchdir', options.cwd, addChdirC(actions, options.cwd));
    const pid = await spawn(path, [path, ...args], { actions, env: options.env });
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    if (running.size === 0) process.on('SIGCHLD', reap);
    running.set(pid, resolve);
    // It may have ended before anybody listened.
    reap();
    return { pid, ended, kill: (signal) => running.has(pid) && killPid(pid, signal) };
  } finally {
    actionsDestroyC(actions);
  }
}

function spawn(
  path: string,
  argv: readonly string[],
  { actions, env }: { actions: Buffer; env: Readonly<Record<string, string>> },
): Promise<number> {
  const envp = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const pid: [number] = [0];
  return new Promise((resolve, reject) => {
    spawnC.async(
      pid,
      path,
      actions,
      attributes,
      [...argv, null],
      [...envp, null],
      (error: unknown, errno: number) => {
        if (error) reject(error);
        else if (errno !== 0) reject(new SyscallError('posix_spawn', errno, path));
        else resolve(pid[0]);
      },
    );
  });
}

/** A session of its own; nothing of our signal handling. */
const attributes = ((): Buffer => {
  const made = Buffer.alloc(ATTRIBUTES_BYTES);
  const set = Buffer.alloc(SIGNAL_SET_BYTES);
  attributesInitC(made);
  fillSetC(set);
  setDefaultC(made, set);
  emptySetC(set);
  setMaskC(made, set);
  setFlagsC(made, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
  return made;
})();

/** These functions answer the error's number and leave errno alone. */
function must(syscall: string, subject: string, errno: number): void {
  if (errno !== 0) throw new SyscallError(syscall, errno, subject);
}
