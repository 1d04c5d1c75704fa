/** The same random stacks of layers, loaded by ours and by dockerd, are the same trees. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mount, unmount } from '../../src-main/daemon/platform/mount.ts';
import { dockerArchive, type FixtureImage } from '../support/fixture-images.ts';
import { layerStacks } from '../support/random-stack.ts';
import { treeFacts } from '../support/tree-facts.ts';
import { type BothDaemons, type ComparedEngine, startBothDaemons } from './both-daemons.ts';

const LIMIT_MS = 240_000;
const SEED = 20_240_506;
const STACKS = 12;
let both: BothDaemons;

beforeAll(async () => {
  both = await startBothDaemons();
}, LIMIT_MS);
afterAll(() => both?.[Symbol.asyncDispose](), LIMIT_MS);

interface GraphDriverFacts {
  readonly LowerDir?: string;
  readonly UpperDir: string;
}

/** The tree of an image as its layers lie on disk, put together by the kernel. */
function merged(image: GraphDriverFacts): Readonly<Record<string, string>> {
  const directory = mkdtempSync(join(tmpdir(), 'merged-'));
  const empty = join(directory, 'empty');
  const target = join(directory, 'merged');
  mkdirSync(empty);
  mkdirSync(target);
  // Short names: a page must hold the options. The empty one lets an image of one layer be mounted.
  const layers = [image.UpperDir, ...(image.LowerDir?.split(':') ?? []), empty];
  try {
    mount({
      source: 'overlay',
      target,
      type: 'overlay',
      flags: ['ro'],
      data: `lowerdir=${layers.join(':')}`,
    });
    try {
      return treeFacts(target);
    } finally {
      unmount(target);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function loaded(
  { daemon, ...engine }: Pick<ComparedEngine, 'daemon' | 'must'>,
  image: FixtureImage,
  archive: Buffer,
): Promise<Readonly<Record<string, string>>> {
  await engine.must('docker load', archive);
  const { body } = await daemon.api('GET', `/images/${image.id}/json`);
  const { GraphDriver } = JSON.parse(body) as { GraphDriver: { Data: GraphDriverFacts } };
  try {
    return merged(GraphDriver.Data);
  } finally {
    await engine.must(`docker rmi -f ${image.id}`);
  }
}

it(
  'unpacks modes, owners, times, attributes, links and deletions as dockerd does',
  async () => {
    const engines = [both.ours, both.theirs].map((engine) => ({
      daemon: engine.daemon,
      must: (line: string, input?: Buffer) => engine.must(line, input),
    }));
    for (const image of fc.sample(layerStacks, { seed: SEED, numRuns: STACKS })) {
      const archive = await dockerArchive([{ image, tags: ['stack:latest'] }]);
      const [ours, theirs] = await Promise.all(
        engines.map((engine) => loaded(engine, image, archive)),
      );
      expect(Object.keys(ours ?? {}).length).toBeGreaterThan(0);
      expect(ours).toEqual(theirs);
    }
  },
  LIMIT_MS,
);
