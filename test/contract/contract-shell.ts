/** The shell behind the contract cases: handlers that do what each case asks for, by path. */
import { conflict, dataLoss, notFound } from '../../shared/errors.ts';
import type { HeadOf, HostRow } from '../../shared/shell/contract.ts';
import type { ServedDuplex, ShellHandlers } from '../../shared/shell/server.ts';
import { checksumOf, patternAt, type ShellProbe } from './pattern.ts';

type Channel = ServedDuplex<HeadOf<'engine.request'>>;
type Counters = { -readonly [K in keyof ShellProbe]: ShellProbe[K] };

const CHUNK = 64 * 1024;
const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

const hostNamed = (name: string): HostRow => ({
  id: 'e',
  name,
  kind: 'socket',
  dockerHost: 'unix:///e.sock',
  isOwn: false,
  status: { state: 'up' },
});

/** What each path does once its head is sent. */
const requests: Record<string, (channel: Channel, counters: Counters, url: URL) => Promise<void>> =
  {
    '/echo': async (channel) => {
      for await (const bytes of channel.input) await channel.write(bytes);
      await channel.write(encode(', bye'));
    },
    '/send': async (channel, _counters, url) => {
      const total = Number(url.searchParams.get('bytes'));
      // Odd sizes, one of them larger than what goes over in one piece.
      for (let at = 0, size = 1; at < total; at += size, size = (size * 7 + 13) % 700_000)
        await channel.write(patternAt(at, Math.min(size, total - at)));
    },
    '/receive': async (channel) => {
      let total = 0;
      let checksum = 0;
      for await (const bytes of channel.input) {
        checksum = checksumOf(bytes, checksum);
        total += bytes.length;
      }
      await channel.write(encode(JSON.stringify({ total, checksum })));
    },
    '/flood': async (channel, counters) => {
      for (;;) {
        await channel.write(new Uint8Array(CHUNK));
        counters.flooded += CHUNK;
      }
    },
    '/ignore-input': (channel) => untilAborted(channel.signal),
    '/hold': async (channel, counters) => {
      await untilAborted(channel.signal);
      counters.aborted += 1;
    },
    '/fail-late': async (channel) => {
      await channel.write(encode('part'));
      throw dataLoss('the disk is gone');
    },
    '/probe': (channel, counters) => channel.write(encode(JSON.stringify(counters))),
  };

const hasNone = async (): Promise<never> => {
  throw notFound('not part of the contract cases');
};

/** Handlers with counters of their own; one per connection under test. */
export function contractShell(): ShellHandlers {
  const counters: Counters = { produced: 0, streamsStopped: 0, flooded: 0, aborted: 0 };
  return {
    'app.info': async () => ({
      name: 'Windlass',
      version: '1.2.3',
      shell: 'web',
      platform: 'linux',
      hasNativeDialogs: false,
    }),
    'hosts.list': async () => {
      throw conflict('Conflict. The name "/x" is in use', { details: { where: 'here' } });
    },
    async *'hosts.watch'(_input: object, signal: AbortSignal) {
      signal.addEventListener('abort', () => {
        counters.streamsStopped += 1;
      });
      while (!signal.aborted) yield [hostNamed(`host ${counters.produced++}`)];
    },
    'engine.request': async (asked, channel) => {
      const url = new URL(asked.path, 'http://e');
      const serve = requests[url.pathname];
      if (!serve) throw notFound(`no ${asked.path}`);
      channel.head({ status: 200, headers: {} });
      await serve(channel, counters, url);
    },
    'hosts.add': hasNone,
    'hosts.remove': hasNone,
    'hosts.connect': hasNone,
    'hosts.facts': hasNone,
    async *'hosts.forward'() {
      yield { port: 1 };
    },
    'hosts.installPlan': hasNone,
    async *'hosts.install'() {
      yield { step: 'x' };
    },
    async *'images.copy'() {
      yield { done: 1, total: 1 };
    },
    async *'hosts.uninstall'() {
      yield { step: 'x' };
    },
    async *'hosts.questions'() {
      yield [];
    },
    'hosts.answer': hasNone,
    'contexts.list': hasNone,
    'contexts.create': hasNone,
    'engine.log': hasNone,
    'registries.list': hasNone,
    'registries.login': hasNone,
    'registries.logout': hasNone,
    async *'terminals.watch'() {
      yield [];
    },
    'terminals.begin': hasNone,
    'terminals.show': hasNone,
    'terminals.resize': hasNone,
    'terminals.end': hasNone,
    // No settings at all: the window must notice.
    'settings.read': async () => ({ theme: 'mauve' }) as never,
    'settings.write': async (change) => ({
      theme: change.theme ?? 'system',
      keepRunningInTray: true,
      terminalFontSize: change.terminalFontSize ?? 13,
      terminalTheme: 'dark',
      containerColumns: change.containerColumns ?? [],
      containerFilters: [],
    }),
    'external.open': async () => ({}),
  };
}
