import { describe, expect, it } from 'vitest';
import { ownArguments, parseAppOptions } from './app-options.ts';

describe('app options', () => {
  it('are taken from among the daemon’s', () => {
    const argv = ['--web', '--bip', '10.9.0.1/24', '--port=8080', '--debug'];
    expect(parseAppOptions([...argv, '--engine', 'unix:///run/e.sock'])).toEqual({
      isWeb: true,
      port: 8080,
      engineSocket: '/run/e.sock',
      daemonArguments: ['--bip', '10.9.0.1/24', '--debug'],
    });
    expect(parseAppOptions([])).toEqual({
      isWeb: false,
      port: 0,
      engineSocket: undefined,
      daemonArguments: [],
    });
  });

  it.each([
    [['--port'], 'flag needs an argument: --port'],
    [['--port', 'many'], '--port: many is no port, they go from 0 (any free one) to 65535'],
    [['--port', '70000'], '--port: 70000 is no port, they go from 0 (any free one) to 65535'],
    [['--engine', 'tcp://x'], '--engine: tcp://x is no unix:///path/of/a/socket'],
  ])('refuse %j', (argv, message) => {
    expect(() => parseAppOptions(argv)).toThrow(message);
  });

  it('begin behind the program, be it Node, Electron or the packaged app', () => {
    const versions = { electron: '45.0.0' };
    const rest = ['--no-sandbox', '--web', '--disable-gpu', '--debug'];
    expect(ownArguments({ argv: ['node', 'main.js', '--web'], versions: {} })).toEqual(['--web']);
    expect(
      ownArguments({ argv: ['electron', '/app', ...rest], versions, defaultApp: true }),
    ).toEqual(['--web', '--debug']);
    expect(ownArguments({ argv: ['windlass', ...rest], versions })).toEqual(['--web', '--debug']);
  });
});
