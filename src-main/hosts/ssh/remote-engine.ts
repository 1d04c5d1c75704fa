/** Finds the engine of a host we are logged in on, with one question to its shell. */

/** Ours first, then the system's, then the user's own. */
const SOCKETS = [
  '/run/windlass/docker.sock',
  '/var/run/docker.sock',
  '$R/windlass/docker.sock',
  '$R/docker.sock',
  '/run/podman/podman.sock',
  '$R/podman/podman.sock',
];

/** For servers that let us open sockets but run nothing. */
export const FALLBACK_SOCKETS = SOCKETS.filter((path) => !path.startsWith('$'));

/** One word for any POSIX shell. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Runs under whatever log-in shell there is: a POSIX script as one quoted word. */
export const posixCommand = (script: string): string => `sh -c ${shellQuote(script)}`;

export const FIND_ENGINE = posixCommand(`
R=\${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
echo "user $(id -un)"
case "$DOCKER_HOST" in unix://*) set -- "\${DOCKER_HOST#unix://}";; *) set --;; esac
for s in "$@" ${SOCKETS.map((path) => `"${path}"`).join(' ')}; do
  if [ -S "$s" ]; then if [ -w "$s" ]; then echo "may $s"; else echo "no $s"; fi; fi
done`);

export interface FoundEngine {
  readonly user: string;
  /** Sockets this user may open, the best first. */
  readonly sockets: readonly string[];
  /** Sockets that are there for others. */
  readonly forbidden: readonly string[];
}

/** Reads what FIND_ENGINE printed; a chatty log-in script is passed over. */
export function parseFoundEngine(text: string): FoundEngine {
  const all = (word: string): string[] =>
    text
      .split('\n')
      .flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  return {
    user: all('user')[0] ?? '',
    sockets: [...new Set(all('may'))],
    forbidden: [...new Set(all('no'))],
  };
}

/** Node of a windlassd that we set up there. */
export const INSTALLED_NODE = '/opt/windlass/current/bin/node';
const DIAL_BY_NODE = `const s=require("net").connect({path:process.argv[1],allowHalfOpen:true});
s.on("error",e=>{console.error(e.message);process.exit(1)});
process.stdin.pipe(s);s.pipe(process.stdout)`;

/** A command whose standard streams are the socket's, by the first program there that can do it. */
export function dialStdioCommand(socket: string): string {
  const path = shellQuote(socket);
  const url = shellQuote(`unix://${socket}`);
  const python = `import os,socket,sys,threading
s=socket.socket(socket.AF_UNIX);s.connect(sys.argv[1])
def up():
  while True:
    b=os.read(0,65536)
    if not b: break
    s.sendall(b)
  s.shutdown(1)
threading.Thread(target=up,daemon=True).start()
while True:
  b=s.recv(65536)
  if not b: break
  os.write(1,b)`;
  return posixCommand(`has() { command -v "$1" >/dev/null 2>&1; }
if has docker; then exec docker -H ${url} system dial-stdio
elif [ -x ${INSTALLED_NODE} ]; then exec ${INSTALLED_NODE} -e ${shellQuote(DIAL_BY_NODE)} ${path}
elif has podman && podman system dial-stdio --help >/dev/null 2>&1; then exec podman --url ${url} system dial-stdio
elif has socat; then exec socat - UNIX-CONNECT:${path}
elif has python3; then exec python3 -c ${shellQuote(python)} ${path}
else echo "none of docker, our own windlassd, podman, socat and python3 is there to reach ${socket}" >&2; exit 127; fi`);
}

/** What a person wants to know of a machine before anything else; a line each: name, value. */
export const FACTS = posixCommand(`
echo "kernel $(uname -sr)"; echo "architecture $(uname -m)"; echo "hostname $(uname -n)"
. /etc/os-release 2>/dev/null && echo "system $PRETTY_NAME"
[ -r /proc/loadavg ] && echo "load $(cut -d' ' -f1-3 /proc/loadavg)"
[ -r /proc/uptime ] && echo "uptime $(cut -d' ' -f1 /proc/uptime)"
echo "processors $(getconf _NPROCESSORS_ONLN 2>/dev/null)"
awk '/^MemTotal/{print "memoryTotal " $2*1024} /^MemAvailable/{print "memoryAvailable " $2*1024}' /proc/meminfo 2>/dev/null
df -Pk / 2>/dev/null | awk 'NR==2{print "diskTotal " $2*1024; print "diskAvailable " $4*1024}'
echo "user $(id -un)"; echo "uid $(id -u)"
[ -d /run/systemd/system ] && echo "init systemd"
true`);

/** Facts by name. */
export function parseFacts(text: string): Record<string, string> {
  const rows = text.split('\n').flatMap((line) => {
    const parts = /^([a-zA-Z]+) (.+)$/.exec(line);
    return parts ? [[parts[1] ?? '', parts[2] ?? '']] : [];
  });
  return Object.fromEntries(rows);
}
