import { describe, expect, it } from 'vitest';
import { applyChanges } from './changes.ts';
import type { ImageRunConfig } from './image-service.ts';

describe('applyChanges', () => {
  it.each<[string, ImageRunConfig, ImageRunConfig]>([
    ['CMD ["a", "b c"]', {}, { Cmd: ['a', 'b c'] }],
    ['CMD a b c', {}, { Cmd: ['/bin/sh', '-c', 'a b c'] }],
    [
      'cmd a',
      { Shell: ['/bin/ash', '-c'] },
      { Shell: ['/bin/ash', '-c'], Cmd: ['/bin/ash', '-c', 'a'] },
    ],
    ['ENTRYPOINT ["/x"]', { Cmd: ['sh'] }, { Entrypoint: ['/x'], Cmd: null }],
    ['CMD a\nENTRYPOINT ["/x"]', {}, { Entrypoint: ['/x'], Cmd: ['/bin/sh', '-c', 'a'] }],
    ['ENV A=1', { Env: ['A=0', 'B=2'] }, { Env: ['A=1', 'B=2'] }],
    ['ENV A one two', {}, { Env: ['A=one two'] }],
    [String.raw`ENV A="x y" B=z\ z C='q"q'`, {}, { Env: ['A=x y', 'B=z z', 'C=q"q'] }],
    ['EXPOSE 80 90-91/udp', {}, { ExposedPorts: { '80/tcp': {}, '90/udp': {}, '91/udp': {} } }],
    ['LABEL a=b "c d"=e', { Labels: { x: 'y' } }, { Labels: { x: 'y', a: 'b', 'c d': 'e' } }],
    ['USER me:group', {}, { User: 'me:group' }],
    ['VOLUME /a /b', {}, { Volumes: { '/a': {}, '/b': {} } }],
    ['VOLUME ["/a b"]', {}, { Volumes: { '/a b': {} } }],
    ['WORKDIR b', { WorkingDir: '/a' }, { WorkingDir: '/a/b' }],
    ['WORKDIR /c/', { WorkingDir: '/a' }, { WorkingDir: '/c' }],
    ['ONBUILD RUN x', {}, { OnBuild: ['RUN x'] }],
    ['HEALTHCHECK NONE', {}, { Healthcheck: { Test: ['NONE'] } }],
    [
      'HEALTHCHECK --interval=1m30s --timeout=500ms --retries=2 CMD test -f /x',
      {},
      {
        Healthcheck: {
          Interval: 90e9,
          Timeout: 5e8,
          Retries: 2,
          Test: ['CMD-SHELL', 'test -f /x'],
        },
      },
    ],
  ])('%s', (change, before, after) => {
    expect(applyChanges(before, [change])).toEqual(after);
  });

  it.each([
    ['RUN x', 'run is not a valid change command'],
    ['CMD', 'CMD requires at least one argument'],
    ['ENV A', 'ENV must have two arguments'],
    ['ENV =x', 'ENV names can not be blank'],
    ['EXPOSE http', 'invalid containerPort: http'],
    ['USER a b', 'USER requires exactly one argument'],
    ['HEALTHCHECK x', 'Unknown type "x" in HEALTHCHECK (try CMD)'],
  ])('refuses %s', (change, message) => {
    expect(() => applyChanges({}, [change])).toThrow(message);
  });
});
