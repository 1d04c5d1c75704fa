/** The drivers that write files: rotation under a reader, what a crash leaves, messages that are dropped. */
import { readdirSync, truncateSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jsonFileDriver } from './json-file.ts';
import { LineSplitter } from './line-splitter.ts';
import { localDriver } from './local.ts';
import type { LogContext, LogMessage, LogReadOptions } from './log-driver.ts';
import { RingLogger } from './ring-logger.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'windlass-log-'));
});
afterEach(() => rm(directory, { recursive: true }));

const contextWith = (options: Record<string, string>): LogContext => ({
  containerId: 'c',
  containerName: 'name',
  command: ['true'],
  imageName: 'busybox',
  imageId: `sha256:${'0'.repeat(64)}`,
  labels: {},
  env: [],
  directory,
  options,
});

const readOptions = (more: Partial<LogReadOptions> = {}): LogReadOptions => ({
  follow: false,
  signal: new AbortController().signal,
  ...more,
});

const message = (text: string): LogMessage => ({
  line: Buffer.from(text),
  source: 'stdout',
  timeNano: 1_700_000_000_123_456_789n,
});

async function texts(messages: AsyncIterable<LogMessage>): Promise<string[]> {
  const all: string[] = [];
  for await (const { line } of messages) all.push(Buffer.from(line).toString());
  return all;
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`);

const DRIVERS = [
  { driver: jsonFileDriver, file: 'c-json.log' },
  { driver: localDriver, file: 'local-logs/container.log' },
];

describe.each(DRIVERS)('$driver.name', ({ driver, file }) => {
  it('gives a follower each line once through rotations', async () => {
    const options = { 'max-size': '2k', 'max-file': '4', compress: 'true' };
    await using stack = new AsyncDisposableStack();
    const logger = stack.adopt(await driver.open(contextWith(options)), (one) => one.close());
    const followed: string[] = [];
    const following = (async () => {
      for await (const { line } of logger.read?.(readOptions({ follow: true })) ?? [])
        followed.push(Buffer.from(line).toString());
    })();
    // The reader takes a file's worth, or it would lose what rotates away before it looks.
    for (let at = 0; at < 500; at += 10) {
      await Promise.all(numbered(at, at + 10).map((text) => logger.write(message(text))));
      await expect.poll(() => followed.length, { interval: 1, timeout: 20_000 }).toBe(at + 10);
    }
    await stack.disposeAsync();
    await following;
    expect(followed).toEqual(numbered(0, 500));
  });

  it('reads the newest lines from rotated and compressed files', async () => {
    const context = contextWith({ 'max-size': '2k', 'max-file': '4', compress: 'true' });
    const logger = await driver.open(context);
    for (const text of numbered(0, 200)) await logger.write(message(text));
    await logger.close();
    const names = readdirSync(join(directory, file, '..')).map((name) =>
      name.replace(/^.*log/, ''),
    );
    expect(names.sort()).toEqual(['', '.1.gz', '.2.gz', '.3.gz']);
    const reader = await driver.openReader(context);
    const read = (more: Partial<LogReadOptions>): Promise<string[]> =>
      texts(reader?.read(readOptions(more)) ?? fail());
    const all = await read({});
    expect(all).toEqual(numbered(200 - all.length, 200));
    for (const tail of [0, 1, 7, all.length - 1, all.length, 1000])
      expect(await read({ tail })).toEqual(all.slice(Math.max(all.length - tail, 0)));
  });

  it('goes on after an entry that a crash cut off', async () => {
    const context = contextWith({});
    const before = await driver.open(context);
    for (const text of ['one\n', 'two\n', 'three\n']) await before.write(message(text));
    await before.close();
    const path = join(directory, file);
    truncateSync(path, (await stat(path)).size - 5);
    const after = await driver.open(context);
    await after.write(message('four\n'));
    await after.close();
    const reader = await driver.openReader(context);
    expect(await texts(reader?.read(readOptions()) ?? fail())).toEqual([
      'one\n',
      'two\n',
      'four\n',
    ]);
    expect(await texts(reader?.read(readOptions({ tail: 1 })) ?? fail())).toEqual(['four\n']);
  });
});

function fail(): never {
  throw new Error('no reader');
}

it('keeps the parts of a long line together', async () => {
  const splitter = new LineSplitter('stderr');
  const parts = [...splitter.push(Buffer.from(`${'x'.repeat(40_000)}\nend`)), ...splitter.flush()];
  const logger = await localDriver.open(contextWith({}));
  for (const part of parts) await logger.write(part);
  await logger.close();
  const reader = await localDriver.openReader(contextWith({}));
  const kept: LogMessage[] = [];
  for await (const one of reader?.read(readOptions()) ?? fail()) kept.push(one);
  expect(kept.map(({ part }) => [part?.ordinal, part?.last])).toEqual([
    [1, false],
    [2, false],
    [3, true],
    [1, false],
  ]);
  expect(new Set(kept.map(({ part }) => part?.id)).size).toBe(2);
  expect(new Set(kept.slice(0, 3).map(({ timeNano }) => timeNano)).size).toBe(1);
  expect(kept.map(({ line }) => line.length)).toEqual([16_384, 16_384, 7_233, 3]);
});

describe('RingLogger', () => {
  it('drops what does not fit while the driver is busy, and keeps one message of any size', async () => {
    const inner = await jsonFileDriver.open(contextWith({}));
    const failures: unknown[] = [];
    const ring = new RingLogger(inner, 1000, (error) => failures.push(error));
    const texts600 = ['a', 'b', 'c'].map((letter) => letter.repeat(600));
    for (const text of texts600) void ring.write(message(text));
    void ring.write(message('d'.repeat(400)));
    await ring.close();
    const reader = await jsonFileDriver.openReader(contextWith({}));
    const kept = await texts(reader?.read(readOptions()) ?? fail());
    expect(kept.map((text) => text[0])).toEqual(['a', 'd']);
    expect(failures).toEqual([]);
  });
});
