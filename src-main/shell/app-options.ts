/** The app's own options; all others are the embedded daemon's. */
import { invalidArgument } from '../../shared/errors.ts';

export interface AppOptions {
  /** `--web`: in the browser even where Electron could open a window. */
  readonly isWeb: boolean;
  /** `--port N` of the web shell; 0 = any free one. */
  readonly port: number;
  /** `--engine unix://…`: the socket of an engine that runs already; none is embedded then. */
  readonly engineSocket: string | undefined;
  readonly daemonArguments: readonly string[];
}

/** Chromium's switches arrive among the arguments of an Electron app. */
const CHROMIUM_SWITCH =
  /^--(no-sandbox|disable-|enable-|force-|ozone-|remote-debugging-|user-data-dir|inspect|lang=)/;

/** The arguments behind the program's name, whoever started it. */
export function ownArguments(process: {
  readonly argv: readonly string[];
  readonly versions: Readonly<Record<string, string | undefined>>;
  readonly defaultApp?: boolean;
}): string[] {
  if (process.versions['electron'] === undefined) return process.argv.slice(2);
  // A packaged app is its own program; in development Electron is, and the app its first argument.
  return process.argv
    .slice(process.defaultApp === true ? 2 : 1)
    .filter((argument) => !CHROMIUM_SWITCH.test(argument));
}

/** Throws invalidArgument for an option without its value, or with one that makes no sense. */
export function parseAppOptions(argv: readonly string[]): AppOptions {
  const daemonArguments: string[] = [];
  let isWeb = false;
  let port = 0;
  let engineSocket: string | undefined;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    const [name, inline] = splitOption(argument);
    const value = (): string => {
      const given = inline ?? argv[++index];
      if (given === undefined) throw invalidArgument(`flag needs an argument: ${name}`);
      return given;
    };
    if (argument === '--web') isWeb = true;
    else if (name === '--port') port = parsePort(value());
    else if (name === '--engine') engineSocket = parseEngine(value());
    else daemonArguments.push(argument);
  }
  return { isWeb, port, engineSocket, daemonArguments };
}

function splitOption(argument: string): [name: string, inline: string | undefined] {
  const at = argument.indexOf('=');
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw invalidArgument(`--port: ${text} is no port, they go from 0 (any free one) to 65535`);
}

function parseEngine(text: string): string {
  if (/^unix:\/\/\/./.test(text)) return text.slice('unix://'.length);
  throw invalidArgument(`--engine: ${text} is no unix:///path/of/a/socket`);
}
