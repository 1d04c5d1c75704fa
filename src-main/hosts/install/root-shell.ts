/** Commands as root on a host over SSH: as they are for root, through sudo and its password for others. */
import { StringDecoder } from 'node:string_decoder';
import { cancelled, forbidden, internal } from '../../../shared/errors.ts';
import type { Ask } from '../questions.ts';
import { posixCommand } from '../ssh/remote-engine.ts';
import type { SshHost } from '../ssh/ssh-host.ts';

const TRIES = 3;
/** Says that sudo let us in, before anything else is done. */
const MARK = 'windlass-is-root';
const MOST_WORDS = 4000;

interface Ended {
  readonly code: number;
  readonly stderr: string;
}

export class RootShell {
  readonly #host: SshHost;
  readonly #user: string;
  readonly #isRoot: boolean;
  readonly #ask: Ask;
  #password: string | undefined;

  constructor(host: SshHost, who: { readonly user: string; readonly isRoot: boolean }, ask: Ask) {
    this.#host = host;
    this.#user = who.user;
    this.#isRoot = who.isRoot;
    this.#ask = ask;
  }

  /**
   * Runs a script as root; yields the lines it prints. Throws forbidden when sudo does not let us, cancelled
   * when its password is not given, internal with the script's last words when it fails.
   */
  async *run(script: string, signal: AbortSignal): AsyncGenerator<string> {
    for (let tries = 0; ; tries += 1) {
      let isIn = false;
      const output = this.#start(script, signal);
      let step = await output.next();
      for (; !step.done; step = await output.next()) {
        if (step.value === MARK) isIn = true;
        else if (isIn) yield step.value;
      }
      const { code, stderr } = step.value;
      if (isIn && code === 0) return;
      if (isIn) throw internal(stderr.trim() || `it ended with ${code}`);
      if (this.#isRoot || !/password|terminal is required/i.test(stderr))
        throw forbidden(
          `${this.#user} may not become root there: ${stderr.trim() || 'sudo refused'}`,
        );
      if (tries === TRIES)
        throw forbidden(`${this.#user} may not become root there: sudo took none of the passwords`);
      await this.#askPassword(tries > 0, signal);
    }
  }

  async #askPassword(isAgain: boolean, signal: AbortSignal): Promise<void> {
    const question = {
      kind: 'password' as const,
      message: `sudo needs the password of ${this.#user} to set up windlassd`,
      ...(isAgain && { problem: 'sudo did not take that password.' }),
      fields: [{ label: 'Password', isSecret: true }],
    };
    const [password] = await this.#ask(question, signal);
    if (password === undefined) throw cancelled('the question was declined');
    this.#password = password;
  }

  /** The password goes by standard input: never in a list of processes. */
  async *#start(script: string, signal: AbortSignal): AsyncGenerator<string, Ended> {
    const marked = posixCommand(`echo ${MARK}\n${script}`);
    const sudo = this.#password === undefined ? 'sudo -n --' : "sudo -k -S -p '' --";
    const channel = await this.#host.exec(this.#isRoot ? marked : `LC_ALL=C ${sudo} ${marked}`);
    const abort = (): void => channel.close();
    signal.addEventListener('abort', abort, { once: true });
    let stderr = '';
    let code = 255;
    channel.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-MOST_WORDS);
    });
    channel.on('exit', (status: number | null) => {
      code = status ?? 255;
    });
    const ended = new Promise((resolve) => channel.once('close', resolve));
    try {
      channel.end(this.#password === undefined ? '' : `${this.#password}\n`);
      const decoder = new StringDecoder();
      let rest = '';
      for await (const chunk of channel as AsyncIterable<Buffer>) {
        const lines = (rest + decoder.write(chunk)).split('\n');
        rest = lines.pop() ?? '';
        yield* lines;
      }
      await ended;
      signal.throwIfAborted();
      return { code, stderr };
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }
}
