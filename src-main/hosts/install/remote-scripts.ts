/** What is run on a host to look it over, to set up our daemon there, and to take it away again. POSIX shell. */
import { INSTALLED_NODE, posixCommand, shellQuote } from '../ssh/remote-engine.ts';

/** Everything of ours lies below it, but the unit, the state the daemon keeps, and its log. */
const HOME = '/opt/windlass';
const UNIT = '/etc/systemd/system/windlassd.service';
const LOG = '/var/log/windlassd.log';
const GROUP = 'windlass';
/** In the user's home: half an upload survives a cut there. */
const UPLOADS = '"$HOME/.cache/windlass"';

/** Program the daemon needs → Debian's package with it. */
const PROGRAMS: Record<string, string> = {
  containerd: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  nft: 'nftables',
  ps: 'procps',
};

const PATH = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; export PATH';

/** What the host is and has; a line each: name, value. */
export const SURVEY = posixCommand(`${PATH}
echo "user $(id -un)"; echo "uid $(id -u)"; echo "kernel $(uname -s)"; echo "architecture $(uname -m)"
. /etc/os-release 2>/dev/null && echo "system $PRETTY_NAME"
echo "libc $(getconf GNU_LIBC_VERSION 2>/dev/null)"
[ -d /run/systemd/system ] && echo "init systemd"
has() { command -v "$1" >/dev/null 2>&1; }
has sudo && echo "sudo yes"
has apt-get && echo "apt yes"
for p in ${Object.keys(PROGRAMS).join(' ')}; do has "$p" || echo "missing-$p yes"; done
echo "free $(df -Pk /opt 2>/dev/null | awk 'NR==2{print $4*1024}')"
echo "installed $(readlink ${HOME}/current)"
true`);

export interface Survey {
  readonly user: string;
  readonly isRoot: boolean;
  readonly hasSudo: boolean;
  readonly hasApt: boolean;
  readonly hasSystemd: boolean;
  readonly kernel: string;
  /** As uname says it. */
  readonly architecture: string;
  readonly system: string;
  /** `glibc 2.36`; empty for another one. */
  readonly libc: string;
  /** Debian's packages for the programs that are missing. */
  readonly missing: readonly string[];
  readonly freeBytes: number;
  /** Id of the bundle that is set up there; empty: none. */
  readonly installed: string;
}

/** Reads what SURVEY printed. */
export function parseSurvey(text: string): Survey {
  const facts = new Map(
    text.split('\n').flatMap((line) => {
      const parts = /^([a-z-]+) (.*)$/.exec(line);
      return parts ? [[parts[1] ?? '', (parts[2] ?? '').trim()] as const] : [];
    }),
  );
  const get = (name: string): string => facts.get(name) ?? '';
  return {
    user: get('user'),
    isRoot: get('uid') === '0',
    hasSudo: get('sudo') === 'yes',
    hasApt: get('apt') === 'yes',
    hasSystemd: get('init') === 'systemd',
    kernel: get('kernel'),
    architecture: get('architecture'),
    system: get('system') || get('kernel'),
    libc: get('libc'),
    missing: Object.entries(PROGRAMS).flatMap(([program, name]) =>
      get(`missing-${program}`) === 'yes' ? [name] : [],
    ),
    freeBytes: Number(get('free') || 'NaN'),
    installed: get('installed'),
  };
}

/** Prints the bytes of an upload that are there already; 0 when none. */
export const uploadedCommand = (sha256: string): string =>
  posixCommand(
    `mkdir -p ${UPLOADS} && cd ${UPLOADS} && { find . -type f ! -name '${sha256}.part' -exec rm -f {} +; wc -c < ${sha256}.part 2>/dev/null || echo 0; }`,
  );

/** Appends its input to an upload. */
export const appendCommand = (sha256: string): string =>
  posixCommand(`cat >> ${UPLOADS}/${sha256}.part`);

/** Ends well when an upload is what it should be; removes it otherwise. */
export const checkCommand = (sha256: string): string =>
  posixCommand(
    `cd ${UPLOADS} && { echo "${sha256}  ${sha256}.part" | sha256sum -c - >/dev/null 2>&1 || { rm -f ${sha256}.part; exit 1; }; }; pwd`,
  );

/** Takes away the directories of uploads when nothing else is in them. */
export const TIDY = posixCommand(`rmdir ${UPLOADS} "$HOME/.cache" 2>/dev/null; true`);

/** Live restore: containers go on while it is updated. */
const OPTIONS = `--live-restore --group ${GROUP}`;
const PROGRAM = `${INSTALLED_NODE} ${HOME}/current/dist/src-main/windlassd.js`;

const UNIT_TEXT = `[Unit]
Description=Windlass container daemon
After=network-online.target nss-lookup.target firewalld.service
Wants=network-online.target

[Service]
Type=notify
ExecStart=${PROGRAM} ${OPTIONS}
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=120
Restart=on-failure
RestartSec=2
LimitNOFILE=infinity
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
Delegate=yes
KillMode=process
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;

/** Ends well when the engine answers. */
const PING = `${INSTALLED_NODE} -e 'require("http").get({socketPath:"/run/windlass/docker.sock",path:"/_ping"},r=>process.exit(r.statusCode===200?0:1)).on("error",()=>process.exit(1))'`;

/** For machines without systemd, and for people: start, stop, status. */
const CONTROL_TEXT = `#!/bin/sh
# Starts and stops windlassd where no service manager does.
${PATH}
pidfile=/run/windlass/windlassd.pid
alive() { [ -r "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
case "$1" in
start)
  alive && exit 0
  mkdir -p /run/windlass
  setsid ${PROGRAM} ${OPTIONS} >>${LOG} 2>&1 </dev/null &
  i=0
  while [ $i -lt 240 ]; do
    ${PING} && exit 0
    i=$((i+1)); sleep 0.5
    kill -0 $! 2>/dev/null || break
  done
  tail -n 5 ${LOG} >&2; exit 1;;
stop)
  alive || exit 0
  pid=$(cat "$pidfile"); kill "$pid"
  i=0; while kill -0 "$pid" 2>/dev/null && [ $i -lt 120 ]; do i=$((i+1)); sleep 0.5; done
  ! kill -0 "$pid" 2>/dev/null;;
status) alive;;
*) echo "usage: $0 start|stop|status" >&2; exit 2;;
esac
`;

const RESTART = `
if [ -d /run/systemd/system ]; then systemctl daemon-reload; systemctl enable -q windlassd; systemctl restart windlassd
else ${HOME}/control stop && ${HOME}/control start; fi`;

export interface InstallWish {
  readonly id: string;
  readonly sha256: string;
  /** Directory the upload is in. */
  readonly uploads: string;
  /** Who is to use the engine; empty for root alone. */
  readonly user: string;
  readonly packages: readonly string[];
}

/** Sets the daemon up from an upload and starts it; lines `step TEXT` tell how far it is. For root. */
export function installScript({ id, sha256, uploads, user, packages }: InstallWish): string {
  const upload = shellQuote(`${uploads}/${sha256}.part`);
  const names = packages.join(' ');
  return `set -e; umask 022; ${PATH}
if [ -n "${names}" ]; then
  echo "step Installing ${packages.join(', ')}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends ${names} >&2
fi
echo "step Unpacking"
mkdir -p ${HOME}; cd ${HOME}
rm -rf .new .bundle
cp ${upload} .bundle
echo "${sha256}  .bundle" | sha256sum -c - >/dev/null
mkdir .new
tar -xzf .bundle -C .new --no-same-owner
rm -f .bundle
rm -rf ${id}; mv .new ${id}
before=$(readlink current || true)
cat > control <<'END'
${CONTROL_TEXT}END
chmod 755 control
if [ -d /run/systemd/system ]; then cat > ${UNIT} <<'END'
${UNIT_TEXT}END
fi
grep -q '^${GROUP}:' /etc/group || { groupadd -r ${GROUP}; touch group-is-ours; }
[ -z ${shellQuote(user)} ] || usermod -aG ${GROUP} ${shellQuote(user)}
use() { ln -sfn "$1" .current; mv -T .current current; }
restart() {${RESTART}
}
echo "step Starting"
use ${id}
if ! restart; then
  if [ -n "$before" ] && [ -d "$before" ]; then use "$before"; restart || true; echo "the version before was put back" >&2
  else rm -f current; fi
  exit 1
fi
for old in *; do [ -L "$old" ] || [ ! -d "$old" ] || [ "$old" = ${id} ] || rm -rf "$old"; done
rm -f ${upload}
`;
}

/** Ends the daemon and takes away all that installScript put there; with `withData` its containers, images and volumes too. For root. */
export function removeScript(withData: boolean): string {
  return `${PATH}
echo "step Stopping"
if [ -d /run/systemd/system ]; then systemctl disable -q --now windlassd; rm -f ${UNIT}; systemctl daemon-reload
else ${HOME}/control stop || exit 1; fi
echo "step Removing"
[ ! -e ${HOME}/group-is-ours ] || groupdel ${GROUP}
rm -rf ${HOME} ${LOG} /run/windlass /var/cache/windlass
${withData ? 'rm -rf /var/lib/windlass' : ''}
[ ! -d /var/lib/windlass ] || rmdir /var/lib/windlass 2>/dev/null
true
`;
}
