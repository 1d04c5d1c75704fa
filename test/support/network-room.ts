/** A network controller on the real kernel, in a directory and a subnet of its own. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { createLog } from '../../src-main/daemon/log/log.ts';
import { createNetworkController } from '../../src-main/daemon/network/local-network-controller.ts';
import type { NetworkConfig } from '../../src-main/daemon/network/network-config.ts';
import type {
  EndpointRequest,
  NetworkController,
  NetworkCreateRequest,
  SandboxRequest,
  SandboxState,
} from '../../src-main/daemon/network/network-controller.ts';

const NOTHING = { links: [], tables: [], mounts: [], namespaces: [] };

export interface Event {
  readonly action: string;
  readonly network: string;
  readonly containerId: string | undefined;
}

const span = <T>(_name: string, work: () => Promise<T>): Promise<T> => work();

export class NetworkRoom implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), 'network-'));
  readonly events: Event[] = [];
  readonly logged: string[] = [];
  /** Links that were made. */
  readonly #links = new Set<string>();
  /** Of the default bridge: 100.64.0.0/10 is nobody's on a test machine. */
  readonly subnet = `100.${64 + randomInt(32)}.${randomInt(256)}`;
  /** For networks that ask for a subnet. */
  readonly pool = `100.${64 + randomInt(32)}.${randomInt(256)}`;
  readonly config: NetworkConfig;
  controller!: NetworkController;

  private constructor(config: Partial<NetworkConfig>) {
    this.config = {
      bip: `${this.subnet}.1/24`,
      mtu: 1500,
      icc: true,
      iptables: true,
      ipForward: true,
      ipMasq: true,
      defaultAddressPools: [{ base: `100.${96 + randomInt(32)}.0.0/16`, size: 24 }],
      defaultIp: '0.0.0.0',
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      ...config,
    };
  }

  static async open(config: Partial<NetworkConfig> = {}): Promise<NetworkRoom> {
    const room = new NetworkRoom(config);
    await room.start();
    return room;
  }

  get dataRoot(): string {
    return join(this.root, 'data');
  }

  get execRoot(): string {
    return join(this.root, 'exec');
  }

  /** Starts a daemon's network; after `shutdown` or a simulated kill once more. */
  async start(): Promise<void> {
    this.controller = await createNetworkController({
      dataRoot: this.dataRoot,
      execRoot: this.execRoot,
      config: this.config,
      events: (action, { name }, containerId) =>
        this.events.push({ action, network: name, containerId }),
      log: createLog({ level: 'debug', format: 'text', write: (line) => this.logged.push(line) }),
    });
  }

  request(name: string, more: Partial<SandboxRequest> = {}): SandboxRequest {
    const directory = join(this.root, 'containers', name);
    mkdirSync(directory, { recursive: true });
    const containerId = randomBytes(32).toString('hex');
    return {
      containerId,
      containerName: name,
      networkMode: 'bridge',
      hostname: containerId.slice(0, 12),
      domainname: '',
      endpoints: {},
      exposedPorts: Object.keys(more.portBindings ?? {}),
      portBindings: {},
      publishAllPorts: false,
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      extraHosts: [],
      filesDirectory: directory,
      ...more,
    };
  }

  /** Makes a container's sandbox; releases it with the room. */
  async sandbox(name: string, more: Partial<SandboxRequest> = {}): Promise<TestSandbox> {
    const request = this.request(name, more);
    return new TestSandbox(request, await this.create(request));
  }

  async create(request: SandboxRequest): Promise<SandboxState> {
    return this.#remember(await this.controller.createSandbox(request, span));
  }

  async connect(network: string, to: TestSandbox, request: EndpointRequest = {}): Promise<void> {
    const state = await this.controller.connect(network, to.id, request);
    if (state) to.state = this.#remember(state);
  }

  async disconnect(network: string, from: TestSandbox): Promise<void> {
    const state = await this.controller.disconnect(network, from.id, false);
    if (state) from.state = state;
  }

  /** Of the bridge and of the table. */
  get hash(): string {
    return createHash('sha256').update(this.dataRoot).digest('hex').slice(0, 8);
  }

  get bridge(): string {
    return `wl-${this.hash}`;
  }

  /** A user network; answers its id. */
  async network(name: string, more: Partial<NetworkCreateRequest> = {}): Promise<string> {
    const { Id } = await this.controller.create({ Name: name, ...more });
    this.#links.add(`br-${Id.slice(0, 12)}`);
    return Id;
  }

  #remember(state: SandboxState): SandboxState {
    for (const { EndpointID } of Object.values(state.networks))
      this.#links.add(`veth${EndpointID.slice(0, 7)}`);
    return state;
  }

  /** What is left of this room on the machine. */
  leaks(): object {
    const present = readdirSync('/sys/class/net');
    const tables = execFileSync('nft', ['list', 'tables']).toString();
    return {
      links: present.filter((name) => name === this.bridge || this.#links.has(name)),
      tables: tables.split('\n').filter((line) => line.includes(this.hash)),
      mounts: readFileSync('/proc/self/mounts', 'utf8')
        .split('\n')
        .filter((line) => line.includes(this.root)),
      namespaces: readdirSync(join(this.execRoot, 'netns')),
    };
  }

  /** Ends everything; throws when something stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.controller.sweep(new Set());
    await this.controller.shutdown({ keepSandboxes: false });
    await until(() => isDeepStrictEqual(this.leaks(), NOTHING)).catch(() => {
      throw new Error(`left behind: ${JSON.stringify(this.leaks())}`);
    });
    rmSync(this.root, { recursive: true, force: true });
  }
}

export interface Output {
  readonly code: number;
  readonly text: string;
}

/** Runs a program; its exit code is an answer. */
function run(program: string, args: readonly string[], timeoutMs = 10_000): Promise<Output> {
  return new Promise((resolve) => {
    execFile(program, [...args], { timeout: timeoutMs }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 124) : 0;
      resolve({ code, text: `${stdout}${stderr}`.trim() });
    });
  });
}

export class TestSandbox {
  readonly request: SandboxRequest;
  state: SandboxState;

  constructor(request: SandboxRequest, state: SandboxState) {
    this.request = request;
    this.state = state;
  }

  get id(): string {
    return this.request.containerId;
  }

  address(network = Object.keys(this.state.networks)[0] ?? ''): string {
    return this.state.networks[network]?.IPAddress ?? '';
  }

  /** In its network namespace, with its resolv.conf and hosts where they belong. */
  run(...command: string[]): Promise<Output> {
    const files = `mount --bind ${this.state.resolvConfPath} /etc/resolv.conf && mount --bind ${this.state.hostsPath} /etc/hosts && exec "$@"`;
    const enter = [`--net=${this.state.key}`, 'unshare', '-m', 'sh', '-c', files, 'sh'];
    return run('nsenter', [...enter, ...command]);
  }

  /** `tcp` answers each connection with `text` and who asks, `udp` each datagram, `echo` sends all back. */
  serve(kind: keyof typeof SERVERS, port: number, text: string): Promise<Disposable> {
    return serveIn(this.state.key, kind, port, text);
  }
}

async function serveIn(
  namespace: string,
  kind: keyof typeof SERVERS,
  port: number,
  text: string,
): Promise<Disposable> {
  const words = ['python3', '-c', SERVERS[kind], String(port), text];
  const child = spawn('nsenter', [`--net=${namespace}`, ...words]);
  const exited = new Promise((_, reject) =>
    child.once('exit', () => reject(new Error('the test server ended'))),
  );
  exited.catch(() => undefined);
  await Promise.race([new Promise((resolve) => child.stdout.once('data', resolve)), exited]);
  return { [Symbol.dispose]: () => void child.kill('SIGKILL') };
}

/** Another machine: a namespace with a link of its own to this one. */
export class Outside implements Disposable {
  readonly name = `out${randomBytes(4).toString('hex')}`;
  readonly #subnet = `100.${64 + randomInt(32)}.${randomInt(256)}`;

  /** `route`: a subnet it tries to reach through this machine. */
  static async open(route?: string): Promise<Outside> {
    const outside = new Outside();
    const { name, address, hostAddress } = outside;
    const steps = [
      `netns add ${name}`,
      `link add ${name} type veth peer name eth0 netns ${name}`,
      `addr add ${hostAddress}/24 dev ${name}`,
      `link set ${name} up`,
      `-n ${name} addr add ${address}/24 dev eth0`,
      `-n ${name} link set eth0 up`,
      ...(route ? [`-n ${name} route add ${route} via ${hostAddress}`] : []),
    ];
    for (const step of steps) execFileSync('ip', step.split(' '));
    return outside;
  }

  get address(): string {
    return `${this.#subnet}.9`;
  }

  get hostAddress(): string {
    return `${this.#subnet}.1`;
  }

  get path(): string {
    return `/run/netns/${this.name}`;
  }

  serve(kind: keyof typeof SERVERS, port: number, text: string): Promise<Disposable> {
    return serveIn(this.path, kind, port, text);
  }

  async fetchTcp(host: string, port: number): Promise<string> {
    const words = ['python3', '-c', FETCH_TCP, host, String(port)];
    const result = await run('nsenter', [`--net=${this.path}`, ...words]);
    return result.code === 0 ? result.text : '';
  }

  [Symbol.dispose](): void {
    execFileSync('ip', ['link', 'delete', this.name]);
    execFileSync('ip', ['netns', 'delete', this.name]);
  }
}

const FETCH_TCP = `import socket,sys
s=socket.create_connection((sys.argv[1],int(sys.argv[2])),2)
print(s.makefile().read().strip())`;

const TCP_SERVER = `
import socket, sys, threading
s = socket.create_server(('::', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print('ready', flush=True)
while True:
    c, a = s.accept()
    def answer(c=c, a=a):
        c.sendall((sys.argv[2] + ' ' + a[0].replace('::ffff:', '') + '\\n').encode())
        c.close()
    threading.Thread(target=answer).start()
`;
const UDP_SERVER = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', int(sys.argv[1])))
print('ready', flush=True)
while True:
    d, a = s.recvfrom(2048)
    s.sendto((sys.argv[2] + ' ').encode() + d, a)
`;

const ECHO_SERVER = `
import socket, sys, threading
s = socket.create_server(('0.0.0.0', int(sys.argv[1])))
print('ready', flush=True)
while True:
    c, a = s.accept()
    got = b''
    while True:
        part = c.recv(1 << 16)
        if not part: break
        got += part
    c.sendall(got)
    c.close()
`;
/** Answers A questions from `name=address`, all others with NXDOMAIN. */
const DNS_ANSWER = `
import socket, sys, struct
name, address = sys.argv[2].split('=')
def answer(q):
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1:at + 1 + q[at]].decode()); at += 1 + q[at]
    question = q[12:at + 5]
    known = '.'.join(labels).lower() == name and question[-4:-2] == b'\\0\\1'
    head = q[:2] + (b'\\x81\\x80' if '.'.join(labels).lower() == name else b'\\x85\\x83') + struct.pack('>HHHH', 1, int(known), 0, 0)
    return head + question + (b'\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4' + socket.inet_aton(address) if known else b'')
`;
const DNS_SERVER = `${DNS_ANSWER}
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', int(sys.argv[1])))
print('ready', flush=True)
while True:
    d, a = s.recvfrom(2048)
    s.sendto(answer(d), a)
`;
const DNS_TCP_SERVER = `${DNS_ANSWER}
s = socket.create_server(('0.0.0.0', int(sys.argv[1])))
print('ready', flush=True)
while True:
    c, a = s.accept()
    r = answer(c.recv(2048)[2:])
    c.sendall(struct.pack('>H', len(r)) + r)
    c.close()
`;
const SERVERS = {
  dns: DNS_SERVER,
  dnsTcp: DNS_TCP_SERVER,
  tcp: TCP_SERVER,
  udp: UDP_SERVER,
  echo: ECHO_SERVER,
} as const;

/** Reads all a TCP server says; '' when it cannot be reached. */
export async function fetchTcp(
  from: TestSandbox | undefined,
  host: string,
  port: number,
): Promise<string> {
  const args = ['-c', FETCH_TCP, host, String(port)];
  const result = from ? await from.run('python3', ...args) : await run('python3', args);
  return result.code === 0 ? result.text : '';
}

/** Sends a datagram and answers the answer; '' when none comes. */
export async function fetchUdp(host: string, port: number, sourcePort = 0): Promise<string> {
  const script = `import socket,sys
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(2)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('',int(sys.argv[3])))
s.sendto(b'hi',(sys.argv[1],int(sys.argv[2])))
print(s.recv(2048).decode())`;
  const result = await run('python3', ['-c', script, host, `${port}`, `${sourcePort}`]);
  return result.code === 0 ? result.text : '';
}

/** Waits for the kernel to finish what it does behind our back. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 5000; Date.now() < limit; await delay(20))
    if (await condition()) return;
  throw new Error('it never happened');
}
