import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, sleeper } from '../cluster.ts';
import { waitFor } from '../lab.ts';
import type { Lab } from '../lab.ts';
import { Observer } from './observer.ts';
import { namePrefix } from './units.ts';

/** Something long and well known that happens to a whole cluster, and must not touch a unit. */
export const scenarios = ['outage', 'upgrade'] as const;
type Scenario = (typeof scenarios)[number];

export interface ScenarioOptions {
  readonly lab: Lab;
  readonly scenario: Scenario;
  /** How long etcd is away; an upgrade takes as long as it takes. */
  readonly minutes: number;
  readonly say: (text: string) => void;
}

/** A main process: `UNIT on MACHINE: PID`. */
type Running = string;

const machines = 5;
const units = 50;
/** Longer than a lease and what is added before a machine counts as absent: wrong moves show by then. */
const quietMs = 15_000;

/** @returns one line for each process that is not as it was before; empty: nothing was touched */
export async function runScenario(options: ScenarioOptions): Promise<readonly string[]> {
  const { lab, scenario, say } = options;
  const cluster = await Cluster.up(machines, { etcd: 3 }, lab);
  const observer = new Observer(lab.name, machines);
  await cluster.launch([
    sleeper(`${namePrefix}everywhere.service`, 'Global=true'),
    ...Array.from({ length: units }, (_, i) => sleeper(`${namePrefix}keep-${i}.service`)),
  ]);
  const before = runningNow(observer);
  say(`${units + 1} units, ${before.length} main processes on ${machines} machines`);
  if (scenario === 'outage') await outage(cluster, observer, { ...options, before });
  else await upgrade(cluster, observer, { say, before });
  await pause(quietMs);
  const after = runningNow(observer);
  const touched = differences(before, after);
  say(`before: ${before.length} main processes; after: ${after.length}; ${touched.length} changed`);
  return touched;
}

async function outage(
  cluster: Cluster,
  observer: Observer,
  { minutes, say, before }: ScenarioOptions & { before: readonly Running[] },
): Promise<void> {
  const { lab } = cluster;
  const { etcd } = await lab.status();
  for (const { member } of etcd) await lab.etcd('kill', member);
  say(`all ${etcd.length} members of etcd are gone for ${minutes} min`);
  const end = performance.now() + minutes * 60_000;
  while (performance.now() < end) {
    await pause(Math.min(60_000, end - performance.now()));
    const left = Math.max(0, end - performance.now());
    const changed = differences(before, runningNow(observer)).length;
    say(
      `${(left / 60_000).toFixed(1)} min to go, ${changed} of ${before.length} processes changed`,
    );
  }
  for (const { member } of etcd) await lab.etcd('start', member);
  await cluster.waitForMembers(machines);
  say('etcd is back, and all machines are members');
}

/** One machine after the other gets another version of musterd, as docs/operations.md says. */
async function upgrade(
  cluster: Cluster,
  observer: Observer,
  { say, before }: Pick<ScenarioOptions, 'say'> & { before: readonly Running[] },
): Promise<void> {
  for (const machine of cluster.numbers.values()) {
    const api = await cluster.api(machine);
    const { version } = await api.version();
    const next = `${version}-next`;
    await installNext(cluster, machine, { version, next });
    await waitFor(
      `machine ${machine} to run musterd ${next}`,
      async () => {
        const { version: saw } = await api.version();
        return saw === next ? { done: true, value: null } : { done: false, saw };
      },
      30_000,
    );
    await cluster.waitForMembers(machines, machine);
    const changed = differences(before, runningNow(observer)).length;
    say(
      `machine ${machine} has musterd ${next} instead of ${version}, ${changed} processes changed`,
    );
  }
}

/** The same program calls itself by another version. */
async function installNext(
  { lab }: Cluster,
  machine: number,
  { version, next }: { version: string; next: string },
): Promise<void> {
  const program = '/usr/local/lib/musterd-next.cjs';
  await lab.sh(
    machine,
    `sed 's/"${version}"/"${next}"/' /opt/muster/musterd.cjs >${program}
     exec=$(systemctl cat musterd | sed -n 's|^ExecStart=\\(.*\\)/opt/muster/musterd.cjs|ExecStart=\\1${program}|p')
     printf '[Service]\\nExecStart=\\n%s\\n' "$exec" >/etc/systemd/system/musterd.service.d/70-next.conf
     systemctl daemon-reload && systemctl restart musterd`,
  );
}

function runningNow(observer: Observer): readonly Running[] {
  return observer
    .alive()
    .map(({ unit, machine, pid }) => `${unit} on ${machine}: ${pid}`)
    .sort();
}

function differences(before: readonly Running[], after: readonly Running[]): readonly string[] {
  const gone = before.filter((each) => !after.includes(each)).map((each) => `gone: ${each}`);
  const come = after.filter((each) => !before.includes(each)).map((each) => `new: ${each}`);
  return [...gone, ...come];
}
