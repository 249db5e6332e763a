import { sleeper } from '../cluster.ts';
import type { Cluster } from '../cluster.ts';
import type { Lab } from '../lab.ts';
import { seconds } from './row.ts';
import type { Row } from './row.ts';

const names = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `bench-${String(i).padStart(5, '0')}.service`);

/** Milliseconds that `systemctl start` takes for `count` units on each of the machines at once. */
async function systemdAlone(lab: Lab, machines: number, count: number): Promise<number> {
  const each = Array.from({ length: machines }, (_, i) => i + 1);
  const perMachine = names(count);
  const list = perMachine.join(' ');
  const file = '[Service]\\nExecStart=/bin/sleep infinity\\n';
  await Promise.all(
    each.map((m) =>
      lab.sh(m, `cd /run/systemd/system; for u in ${list}; do printf '${file}' > $u; done`),
    ),
  );
  const began = performance.now();
  await Promise.all(each.map((m) => lab.sh(m, `systemctl start ${list}`)));
  const took = performance.now() - began;
  const active = await Promise.all(
    each.map((m) => lab.sh(m, `systemctl is-active ${list} | grep -c '^active$'`)),
  );
  if (active.some((n) => Number(n) !== count)) {
    throw new Error(`systemd alone: ${active.join()} of ${count} units are active`);
  }
  await Promise.all(
    each.map((m) => lab.sh(m, `systemctl stop ${list}; cd /run/systemd/system; rm -f ${list}`)),
  );
  return took;
}

/** Milliseconds from handing `count` unit files to the API until it says that all are active. */
export async function launch(cluster: Cluster, count: number): Promise<number> {
  const units = names(count).map((name) => sleeper(name));
  const began = performance.now();
  await cluster.launch(units);
  return performance.now() - began;
}

export async function destroyAll(cluster: Cluster, count: number): Promise<void> {
  await cluster.destroy(names(count));
}

/** Stops every musterd, lets systemd do the same alone, and starts them again. */
async function measureFloor(cluster: Cluster, total: number): Promise<number> {
  const { lab, machines } = cluster;
  const each = Array.from({ length: machines }, (_, i) => i + 1);
  await Promise.all(each.map((m) => lab.sh(m, 'systemctl stop musterd')));
  const took = await systemdAlone(lab, machines, total / machines);
  await Promise.all(each.map((m) => lab.sh(m, 'systemctl start musterd')));
  await cluster.waitForMembers(machines);
  return took;
}

/**
 * Systemd alone and muster in turn, on the same machines: what one leaves behind, both meet. musterd was
 * started just before the first launch, and its code has never run; the other follows when those units are
 * destroyed.
 */
export async function launchRows(cluster: Cluster, total: number, rounds: number): Promise<Row[]> {
  const mean = { floor: 0, first: 0, again: 0 };
  for (let round = 0; round < rounds; round += 1) {
    mean.floor += (await measureFloor(cluster, total)) / rounds;
    for (const which of ['first', 'again'] as const) {
      mean[which] += (await launch(cluster, total)) / rounds;
      await destroyAll(cluster, total);
    }
  }
  const what = `${total} units launched over ${cluster.machines} machines, all active, mean of ${rounds}`;
  return (['first', 'again'] as const).map((which) => {
    const ratio = mean[which] / mean.floor;
    return {
      what: which === 'first' ? what : `${what}, by a musterd that has done so before`,
      measured: seconds(mean[which]),
      floor: seconds(mean.floor),
      ratio,
      target: '<= 1.25 x systemctl start',
      isMet: ratio <= 1.25,
    };
  });
}
