/** `docker run`: streams, exit codes, signals. */
import { describeRows, row } from './both-daemons.ts';

describeRows('streams', [
  row('stdin through a pipe', "printf 'a\\nb' | docker run --rm -i busybox cat"),
  row('stdin that nobody asked for', 'echo lost | docker run --rm busybox cat'),
  row('an empty stdin', 'docker run --rm -i busybox cat < /dev/null'),
  row(
    '50 MB through stdin and stdout',
    'head -c 52428800 /dev/zero | docker run --rm -i busybox cat | sha256sum',
  ),
  row(
    '2 MB of short lines',
    'yes windlass | head -c 2000000 | docker run --rm -i busybox cat | sha256sum',
  ),
  row(
    '20 MB on stdout and stderr at once',
    `docker run --rm busybox sh -c 'head -c 20000000 /dev/zero | tee /dev/stderr' 2>$DIR/err | wc -c; wc -c < $DIR/err`,
  ),
  row('a reader that ends early', 'yes | docker run --rm -i busybox head -c 3'),
  row(
    'a stdin that ends after the command',
    "(echo one; sleep 1; echo two) | docker run --rm -i busybox sh -c 'read x; echo $x'",
  ),
  row('no newline at the end', 'docker run --name one busybox printf partial', 'docker logs one'),
  row(
    'a line longer than a log entry',
    `docker run --name one busybox sh -c 'head -c 40000 /dev/zero | tr "\\0" x; echo; echo end' | sha256sum`,
    'docker logs one | sha256sum',
    "docker logs -t one | sed 's/xxx*/X/g'",
  ),
  row('unicode', "docker run --name one busybox echo 'grüße 漢字 🐳'", 'docker logs one'),
  row(
    'bytes that are no UTF-8',
    `docker run --name one busybox printf '\\377\\376a\\200\\n' | od -c`,
    'docker logs one | od -c',
  ),
  row(
    'every byte there is',
    `for i in $(seq 0 255); do printf "\\\\$(printf %03o $i)"; done | docker run --rm -i busybox cat | sha256sum`,
  ),
  row(
    'NUL bytes in a log',
    `docker run --name one busybox printf 'a\\0b\\n' | od -c`,
    'docker logs one | od -c',
  ),
  row('a terminal', 'docker run --rm -t busybox tty', 'docker run --rm -t busybox echo hi | od -c'),
  row('a terminal and a pipe', 'echo x | docker run --rm -it busybox cat'),
  row('stdout only', "docker run --rm -a stdout busybox sh -c 'echo out; echo err >&2'"),
  row('stderr only', "docker run --rm -a stderr busybox sh -c 'echo out; echo err >&2'"),
  row('an unknown stream', 'docker run --rm -a nope busybox true'),
  row('detached and attached', 'docker run -d -a stdout busybox true'),
  row(
    'attach to what has ended',
    'docker run --name one busybox true',
    'docker attach one',
    'docker attach nope',
  ),
  row(
    'started again with its streams',
    "docker run --name one -i busybox sh -c 'cat; echo over'  < /dev/null",
    'echo again | docker start -ai one',
    'docker logs one',
  ),
  row('two starts attached', 'docker create --name a busybox true', 'docker start -a a nope'),
  row(
    'logs of one stream, in turn',
    "docker run --name one busybox sh -c 'echo 1; echo 2 >&2; echo 3' >/dev/null 2>&1",
    'docker logs one 2>/dev/null',
    'docker logs one 2>&1 >/dev/null',
    'docker logs --tail 0 one',
    'docker logs --tail nope one 2>/dev/null',
    'docker logs --since 1h --until 1s nope',
  ),
  row(
    'logs of a container that never ran',
    'docker create --name one busybox true',
    'docker logs one',
  ),
  row(
    'logs followed to the end',
    "docker run -d --name one busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done' >/dev/null; docker logs -f one",
  ),
  row(
    'logs that were not kept',
    'docker run --name one --log-driver none busybox echo x',
    'docker logs one',
  ),
]);

describeRows('exit codes and signals', [
  row('success', 'docker run --rm busybox true'),
  row('failure', 'docker run --rm busybox false'),
  row('exit 7', "docker run --rm busybox sh -c 'exit 7'"),
  row('exit 255', "docker run --rm busybox sh -c 'exit -1'"),
  row('no such command', 'docker run --rm busybox nope', 'docker ps -aq'),
  row('no such path', 'docker run --rm busybox /no/such/thing'),
  row('not executable', 'docker run --rm busybox /etc/passwd'),
  row('a directory', 'docker run --rm busybox /etc'),
  row(
    'not executable, kept',
    'docker run --name one busybox /etc/passwd',
    "docker inspect -f '{{json .State}}' one",
  ),
  row(
    'no such command, kept',
    'docker run --name one busybox nope',
    "docker inspect -f '{{json .State}}' one",
  ),
  row('an empty command', "docker run --rm busybox ''"),
  row('an empty entrypoint', "docker run --rm --entrypoint '' busybox"),
  row('an entrypoint', 'docker run --rm --entrypoint echo busybox a b'),
  row('an entrypoint without its command', 'docker run --rm --entrypoint echo busybox'),
  row('no such image', 'docker run --rm --pull never nope:1 true'),
  row('a bad image name', 'docker run --rm UPPER true', 'docker run --rm a:b:c true'),
  row('no such working directory is made', 'docker run --rm -w /a/b busybox pwd'),
  row('a working directory that is a file', 'docker run --rm -w /etc/passwd busybox true'),
  row('a relative working directory', 'docker run --rm -w a busybox true'),
  row('a working directory with dots', 'docker run --rm -w /a/../b busybox pwd'),
  row(
    'kill by any name',
    `docker run -d --name one busybox sh -c 'trap "echo 1" USR1; trap "echo 2" USR2; trap "echo w" WINCH; echo up; while :; do sleep 0.02; done' >/dev/null
     wait_for sh -c 'docker logs one | grep -q up'`,
    "docker kill -s USR1 one; wait_for sh -c 'docker logs one | grep -q 1'",
    "docker kill -s sigusr2 one; wait_for sh -c 'docker logs one | grep -q 2'",
    "docker kill -s 28 one; wait_for sh -c 'docker logs one | grep -q w'",
    'docker kill -s RTMIN+3 one; docker kill one; docker wait one',
    "docker inspect -f '{{.State.ExitCode}} {{.State.Status}} {{.State.OOMKilled}}' one",
  ),
  row(
    'a shell that dies of a signal',
    "docker run --rm --init busybox sh -c 'kill -TERM $$'",
    "docker run --rm --init busybox sh -c 'kill -SEGV $$'",
    "docker run --rm busybox sh -c 'kill -9 $$; echo alive'",
  ),
  row(
    'out of memory',
    `docker run --name one -m 16m --memory-swap 16m busybox sh -c 'tail /dev/zero; echo $?; sleep 2'`,
    "docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}}' one",
    "docker events --since 1h --until 0s -f event=oom --format '{{.Type}} {{.Action}}' | sort -u",
    "docker start -a one >/dev/null & wait_for is_state one running; docker inspect -f '{{.State.Status}}' one; docker kill one; wait",
  ),
  row(
    'bad signals',
    'docker run -d --name one busybox sleep 100 >/dev/null',
    'docker kill -s NOPE one',
    'docker kill -s 0 one',
    'docker kill -s 65 one',
    'docker kill -s -1 one',
    "docker kill -s '' one",
    'docker kill -s sigusr1 nope',
  ),
  row(
    'a signal that is handled',
    `docker run -d --name one busybox sh -c 'trap "echo got; exit 3" USR1; echo ready; while :; do sleep 0.05; done' >/dev/null`,
    'wait_for sh -c "docker logs one | grep -q ready"; docker kill -s USR1 one; docker wait one; docker logs one',
  ),
  row(
    'a signal passed on by the client',
    `docker run --name one busybox sh -c 'trap "echo got; exit 4" TERM; echo ready; while :; do sleep 0.05; done' > $DIR/out & client=$!
     wait_for grep -q ready $DIR/out; kill -TERM $client; wait $client; echo $?; cat $DIR/out`,
  ),
  row(
    'a signal not passed on',
    `docker run --name one --sig-proxy=false busybox sh -c 'echo ready; sleep 100' > $DIR/out & client=$!
     wait_for grep -q ready $DIR/out; kill -TERM $client; wait $client; docker inspect -f '{{.State.Running}}' one`,
  ),
  row(
    'kill what does not run',
    'docker create --name one busybox true >/dev/null',
    'docker kill one',
    'docker start -a one; docker kill one',
    'docker kill nope',
  ),
  row(
    'stop with the signal of the container',
    `docker run -d --name one --stop-signal USR2 busybox sh -c 'trap "exit 9" USR2; echo ready; while :; do sleep 0.05; done' >/dev/null`,
    'wait_for sh -c "docker logs one | grep -q ready"; docker stop one; docker inspect -f "{{.State.ExitCode}} {{.Config.StopSignal}}" one',
  ),
  row(
    'a bad stop signal',
    'docker create --stop-signal NOPE busybox true',
    'docker create --stop-signal 99 busybox true',
  ),
  row(
    'stop that has to kill',
    `docker run -d --name one busybox sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null`,
    'wait_for sh -c "docker logs one | grep -q ready"; docker stop -t 1 one; docker inspect -f "{{.State.ExitCode}}" one',
  ),
  row(
    'the stop timeout of the container',
    'docker run -d --name one --stop-timeout 1 busybox sleep 100 >/dev/null',
    'docker stop one; docker inspect -f "{{.State.ExitCode}} {{.Config.StopTimeout}}" one',
  ),
  row(
    'stop and start what needs neither',
    'docker run -d --name one busybox sleep 100 >/dev/null',
    'docker start one',
    'docker stop -t 0 one',
    'docker stop one',
    'docker restart -t 0 one',
    'docker stop -t 0 nope one',
    'docker start nope one',
    'docker restart nope',
  ),
  row(
    'stop while it exits',
    `for i in 1 2 3 4; do docker run -d --name c$i busybox sleep 0.$((i + 2)) >/dev/null; done
     docker stop -t 1 c1 c2 c3 c4`,
    'docker ps -a --format "{{.Names}} {{.State}}" | sort',
  ),
  row(
    'wait',
    'docker run -d --name one busybox sh -c "sleep 0.2; exit 5" >/dev/null; docker wait one',
    'docker wait one one',
    'docker wait nope one',
  ),
  row(
    'wait for what never started',
    'docker create --name one busybox sh -c "exit 6" >/dev/null; (sleep 0.3; docker start one) & docker wait one; wait; docker start one >/dev/null; wait',
  ),
]);
