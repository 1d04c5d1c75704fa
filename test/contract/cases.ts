/**
 * What the shell contract promises, told to any carrier: each case gets a connected client and throws when the
 * promise is broken. Runs in Node and in a browser; the shell behind it is `contractShell`.
 */
import { isEngineError } from '../../shared/errors.ts';
import type { ShellClient } from '../../shared/shell/contract.ts';
import type { WireError } from '../../shared/shell/port.ts';
import { checksumOf, patternAt, type ShellProbe } from './pattern.ts';

export interface ContractCase {
  readonly name: string;
  run(client: ShellClient): Promise<void>;
}

const MEGABYTE = 1024 * 1024;
/** A window's worth, one more chunk on its way, and what a carrier may hold in its own queue. */
const BOUND = 4 * MEGABYTE;

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: got ${a}, expected ${b}`);
}

async function failure(work: Promise<unknown>): Promise<WireError> {
  try {
    await work;
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const { code, status, message, details } = error;
    return { code, status, message, details };
  }
  throw new Error('it did not fail');
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const request = (client: ShellClient, path: string, signal?: AbortSignal) =>
  client.duplex('engine.request', { host: 'e', method: 'POST', path, headers: {} }, signal);

async function readText(readable: AsyncIterable<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const bytes of readable) text += decoder.decode(bytes, { stream: true });
  return text;
}

/** What the shell has seen so far. */
async function probe(client: ShellClient): Promise<ShellProbe> {
  return JSON.parse(await readText(request(client, '/probe').readable)) as ShellProbe;
}

async function until(client: ShellClient, is: (seen: ShellProbe) => boolean): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (is(await probe(client))) return;
    await pause(20);
  }
  throw new Error('the shell never came to see it');
}

/** Reads `total` bytes of the pattern, or as many as come. */
async function readPattern(readable: AsyncIterable<Uint8Array>): Promise<object> {
  let total = 0;
  let checksum = 0;
  for await (const bytes of readable) {
    checksum = checksumOf(bytes, checksum);
    total += bytes.length;
  }
  return { total, checksum };
}

export const contractCases: readonly ContractCase[] = [
  {
    name: 'answers a call',
    async run(client) {
      const info = await client.call('app.info', {});
      equal(info.name, 'Windlass', 'name');
      const written = await client.call('settings.write', { theme: 'dark' });
      equal([written.theme, written.terminalFontSize], ['dark', 13], 'settings');
    },
  },
  {
    name: 'answers many calls at once, each its own',
    async run(client) {
      const sizes = Array.from({ length: 20 }, (_, index) => 8 + index);
      const written = await Promise.all(
        sizes.map((terminalFontSize) => client.call('settings.write', { terminalFontSize })),
      );
      equal(
        written.map((settings) => settings.terminalFontSize),
        sizes,
        'sizes',
      );
    },
  },
  {
    name: 'brings a failure over with class, status, message and details',
    async run(client) {
      equal(
        await failure(client.call('hosts.list', {})),
        {
          code: 'conflict',
          status: 409,
          message: 'Conflict. The name "/x" is in use',
          details: { where: 'here' },
        },
        'failure',
      );
    },
  },
  {
    name: 'refuses questions and answers that are not in the contract',
    async run(client) {
      const asked = await failure(client.call('external.open', { url: 'file:///etc/passwd' }));
      equal(asked.code, 'invalidArgument', 'question');
      const answered = await failure(client.call('settings.read', {}));
      equal(answered.code, 'internal', 'answer');
    },
  },
  {
    name: 'streams at the pace of the reader, until the reader stops',
    async run(client) {
      let seen = 0;
      for await (const [host] of client.stream('hosts.watch', {})) {
        equal(host?.name, `host ${seen}`, 'item');
        if (++seen === 300) await pause(100);
        if (seen === 301) break;
      }
      await until(client, (shell) => shell.streamsStopped === 1);
      const { produced } = await probe(client);
      if (produced > 301 + 64 + 1) throw new Error(`${produced} items for a reader of 301`);
    },
  },
  {
    name: 'carries bytes both ways, and closes one way at a time',
    async run(client) {
      const channel = request(client, '/echo');
      equal((await channel.head).status, 200, 'status');
      await channel.write(new TextEncoder().encode('à bientôt'));
      await channel.end();
      equal(await readText(channel.readable), 'à bientôt, bye', 'echo');
    },
  },
  {
    name: 'brings 50 MB to the window unharmed',
    async run(client) {
      const total = 50 * MEGABYTE;
      const received = await readPattern(request(client, `/send?bytes=${total}`).readable);
      equal(received, { total, checksum: checksumOf(patternAt(0, total)) }, 'bytes');
    },
  },
  {
    name: 'brings 50 MB to the shell unharmed',
    async run(client) {
      const total = 50 * MEGABYTE;
      const channel = request(client, '/receive');
      const size = 300_000;
      for (let at = 0; at < total; at += size)
        await channel.write(patternAt(at, Math.min(size, total - at)));
      await channel.end();
      const received = JSON.parse(await readText(channel.readable)) as object;
      equal(received, { total, checksum: checksumOf(patternAt(0, total)) }, 'bytes');
    },
  },
  {
    name: 'stops a fast shell at a slow reader, whose memory stays bounded',
    async run(client) {
      const channel = request(client, '/flood');
      await channel.head;
      await pause(300);
      const { flooded } = await probe(client);
      if (flooded > BOUND) throw new Error(`${flooded} bytes were sent to nobody`);
      let read = 0;
      for await (const bytes of channel.readable) {
        read += bytes.length;
        if (read > 20 * MEGABYTE) break;
      }
      channel.abort();
      const after = await probe(client);
      if (after.flooded - read > BOUND) throw new Error(`${after.flooded} sent, ${read} read`);
    },
  },
  {
    name: 'stops a fast window at a slow shell',
    async run(client) {
      const channel = request(client, '/ignore-input');
      await channel.head;
      let written = 0;
      const writing = (async () => {
        for (;;) {
          await channel.write(new Uint8Array(65_536));
          written += 65_536;
        }
      })();
      await pause(300);
      const before = written;
      await pause(100);
      equal(written, before, 'written meanwhile');
      if (written > BOUND) throw new Error(`${written} bytes were sent to nobody`);
      channel.abort();
      equal((await failure(writing)).code, 'cancelled', 'writer');
    },
  },
  {
    name: 'tells the shell of an abort, and ends at once on this side',
    async run(client) {
      const stop = new AbortController();
      const channel = request(client, '/hold', stop.signal);
      await channel.head;
      stop.abort();
      const reading = await failure(readText(channel.readable));
      equal(reading.code, 'cancelled', 'reader');
      await until(client, (shell) => shell.aborted > 0);
      const late = request(client, '/hold', stop.signal);
      equal((await failure(late.head)).code, 'cancelled', 'late');
    },
  },
  {
    name: 'fails before the head, and after it behind the bytes that came first',
    async run(client) {
      const missing = request(client, '/fail-first');
      const { status } = await failure(missing.head);
      equal(status, 404, 'status');
      const broken = request(client, '/fail-late');
      equal((await broken.head).status, 200, 'head');
      let text = '';
      const reading = (async () => {
        for await (const bytes of broken.readable) text += new TextDecoder().decode(bytes);
      })();
      const { message } = await failure(reading);
      equal([text, message], ['part', 'the disk is gone'], 'text and failure');
    },
  },
];
