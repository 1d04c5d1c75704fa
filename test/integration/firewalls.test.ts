/** Our rules among those of others: flushed, reloaded and refused by them, published ports and isolation hold. */
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ComparedEngine } from '../conformance/both-daemons.ts';
import { ConfinedDaemon } from '../support/confined-daemon.ts';
import { busyboxImage, dockerArchive } from '../support/fixture-images.ts';

const START_LIMIT_MS = 120_000;
const windlassd = fileURLToPath(new URL('../../src-main/windlassd.ts', import.meta.url));
/** Says who asks: what is translated comes from outside, what the proxy carries from the bridge. */
const SERVER = `nc -ll -p 80 -e sh -c "netstat -tn | grep -E 'EST|CLOSE'"`;
const WORLD = { host: '100.64.9.1', address: '100.64.9.2' } as const;

let engine: ComparedEngine;
/** Process id of another machine: a namespace with a link of its own to the daemon's. */
let world: string;
let apart: string;

const shell = async (line: string): Promise<string> => {
  const { code, stdout, stderr } = await engine.shell(line);
  if (code !== 0) throw new Error(`${line}: ${stderr}`);
  return stdout.trim();
};
const answer = async (line: string): Promise<string> => (await engine.shell(line)).stdout.trim();

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const limit = Date.now() + 30_000; Date.now() < limit; await delay(100))
    if (await condition()) return;
  throw new Error(`never happened: ${what}`);
}

const isPublished = async (): Promise<boolean> =>
  (
    await answer(`inside nsenter -t ${world} -n busybox nc -w 2 ${WORLD.host} 18080 </dev/null`)
  ).includes(`${WORLD.address}:`);
const leadsOut = async (): Promise<boolean> =>
  (await answer(`docker exec web ping -c1 -W2 ${WORLD.address}`)).includes('1 packets received');
const isApart = async (): Promise<boolean> =>
  (await answer(`docker exec web nc -w 1 ${apart} 80 </dev/null`)) === '';
const holds = async (): Promise<boolean> =>
  (await isPublished()) && (await leadsOut()) && (await isApart());

beforeAll(async () => {
  engine = new ComparedEngine(
    await ConfinedDaemon.start('walls', [process.execPath, windlassd]),
    true,
  );
  const busybox = await dockerArchive([{ image: await busyboxImage(), tags: ['busybox:latest'] }]);
  await engine.must('docker load', busybox);
  world = await shell('inside sh -c "unshare -n sleep 1000 >/dev/null 2>&1 & echo \\$!"');
  await shell(`wait_for inside sh -c '[ "$(readlink /proc/${world}/ns/net)" != "$(readlink /proc/1/ns/net)" ]'
    inside ip link add world0 type veth peer name eth0 netns ${world}
    inside ip addr add ${WORLD.host}/24 dev world0; inside ip link set world0 up
    inside nsenter -t ${world} -n ip addr add ${WORLD.address}/24 dev eth0
    inside nsenter -t ${world} -n ip link set eth0 up
    docker network create other
    docker run -d --name web -p 18080:80 busybox ${SERVER}
    docker run -d --name apart --network other busybox ${SERVER}`);
  apart = await shell('docker inspect -f "{{.NetworkSettings.Networks.other.IPAddress}}" apart');
  await until(holds, 'ports and isolation before anything is disturbed');
}, START_LIMIT_MS);

afterAll(() => engine?.[Symbol.asyncDispose](), START_LIMIT_MS);

describe('what others do to the rules', () => {
  it.each([
    'inside nft flush ruleset',
    'inside nft flush table ip $(inside nft list tables | grep -o "windlass_.*")',
    'inside nft delete table ip $(inside nft list tables | grep -o "windlass_.*")',
  ])('%s: they come back', async (line) => {
    const before = await shell('inside nft -s list ruleset');
    await shell(line);
    await until(
      async () => (await shell('inside nft -s list ruleset')) === before,
      'the same rules again',
    );
    expect(await holds()).toBe(true);
  });

  it('iptables that drops, and is flushed again: our bridges pass', async () => {
    await shell('inside iptables -P FORWARD DROP');
    await until(holds, 'ports and isolation with a policy of DROP');
    await shell('inside iptables -F');
    await until(holds, 'ports and isolation after iptables -F');
    await shell('inside iptables -P FORWARD ACCEPT');
    await until(
      async () => !(await shell('inside iptables -S')).includes('windlass'),
      'nothing of ours where it is not needed',
    );
  });

  it('dockerd beside us: both serve their ports, before and after it starts anew', async () => {
    const root = `${engine.daemon.root}/other`;
    const theirs = `docker -H unix://${root}/docker.sock`;
    const start = `mkdir -p ${root}
      inside sh -c 'dockerd --data-root ${root}/data --exec-root ${root}/exec -p ${root}/pid -H unix://${root}/docker.sock \
        --bip 172.30.0.1/16 --cgroup-parent /${basename(engine.daemon.root)}/theirs --exec-opt native.cgroupdriver=cgroupfs >${root}/log 2>&1 &'
      wait_for ${theirs} version`;
    // As dockerd leaves it where it starts first.
    await shell(`inside iptables -P FORWARD DROP; ${start}`);
    await until(holds, 'ports and isolation beside dockerd');
    await shell(`docker save busybox | ${theirs} load
      ${theirs} run -d --name web -p 18081:80 busybox ${SERVER}`);
    const reachesTheirs = async (): Promise<boolean> =>
      (
        await answer(`inside nsenter -t ${world} -n busybox nc -w 2 ${WORLD.host} 18081 </dev/null`)
      ).includes(`${WORLD.address}:`);
    await until(reachesTheirs, "dockerd's port");
    const address = await shell(`${theirs} inspect -f "{{.NetworkSettings.IPAddress}}" web`);
    // Only what they do not publish: dockerd lets everybody to that.
    const isLost = async (from: string, to: string): Promise<boolean> =>
      (await answer(`${from} exec web ping -c1 -W1 ${to}`)).includes(' 0 packets received');
    expect(await isLost('docker', address)).toBe(true);
    expect(await isLost(theirs, apart)).toBe(true);
    await shell('inside nft flush ruleset');
    await until(holds, 'ours after a flush');
    await shell(`${theirs} rm -f web; inside sh -c 'kill $(cat ${root}/pid)'
      wait_for inside sh -c '! test -e ${root}/pid'
      rm -rf ${root}/docker.sock; ${start}`);
    await until(holds, 'ports and isolation beside dockerd that started anew');
    await shell(`inside sh -c 'kill $(cat ${root}/pid)'; wait_for inside sh -c '! test -e ${root}/pid'
      inside iptables -P FORWARD ACCEPT; inside iptables -F; inside iptables -t nat -F; inside iptables -X`);
    await until(holds, 'ports and isolation without it');
  }, 120_000);

  it('firewalld: our bridges are trusted, also after its reload', async () => {
    await shell(`inside sh -c 'mkdir -p /run/dbus && mount -t tmpfs tmpfs /run/dbus && dbus-daemon --system --fork'
      inside sh -c 'firewalld --nofork --nopid >${engine.daemon.root}/firewalld.log 2>&1 &'
      wait_for inside firewall-cmd --state`);
    await until(holds, 'ports and isolation under firewalld');
    await shell('inside firewall-cmd --reload');
    await until(holds, 'ports and isolation after a reload');
    expect(await shell('inside firewall-cmd --zone=trusted --list-interfaces')).toMatch(/wl-|br-/);
    await shell('docker rm -f apart; docker network rm other');
    await until(
      async () =>
        !(await shell('inside firewall-cmd --zone=trusted --list-interfaces')).includes('br-'),
      'a bridge that is gone is trusted no longer',
    );
  }, 120_000);
});
