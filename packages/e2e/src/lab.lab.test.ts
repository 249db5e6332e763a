import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { Lab, testLabName, waitFor } from './lab.ts';
import type { CableWay } from './lab.ts';
import { networkNamespaces, tracesOf } from './traces.ts';

jest.setTimeout(120_000);

const bootId = 'cat /proc/sys/kernel/random/boot_id';

describe('a lab of two machines', () => {
  const lab = new Lab();
  beforeAll(() => lab.up(2, { musterd: false }));
  afterAll(() => lab.down());

  test('each is a system of its own that has come up without a failed unit', async () => {
    const { machines } = await lab.status();
    for (const { machine, name, id } of machines) {
      expect(await lab.sh(machine, 'hostname; cat /etc/machine-id')).toBe(`${name}\n${id}`);
      expect(await lab.sh(machine, 'systemctl is-system-running --wait')).toBe('running');
    }
    expect(new Set(machines.map(({ id }) => id)).size).toBe(2);
  });

  test('nothing that this host has enabled runs in a machine', async () => {
    const services = await lab.sh(
      1,
      'systemctl list-units --type=service,timer --state=active --plain --no-legend | cut -d" " -f1',
    );
    expect(services.split('\n').filter((name) => !/^(systemd-|dbus)/.test(name))).toEqual([]);
  });

  test('sh passes on the exit code, its input, and an environment of its own', async () => {
    expect(await lab.try(1, 'cat; exit 7', 'hello')).toMatchObject({ status: 7, stdout: 'hello' });
    const names = (await lab.sh(1, 'env')).split('\n').map((line) => line.split('=')[0]);
    expect(names.toSorted()).toEqual(['HOME', 'LANG', 'PATH', 'PWD', 'TERM', 'USER']);
  });

  test('a power cut and a boot keep the disk and the machine-id and lose /run', async () => {
    const { id } = await lab.machine(2);
    const before = await lab.sh(2, `touch /run/lost /var/kept; sync; ${bootId}`);
    await lab.kill(2);
    expect(await lab.machine(2)).toMatchObject({ state: 'off', pid: null, id });
    expect(await lab.try(2, 'true')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('is off'),
    });
    await lab.boot(2);
    expect(await lab.sh(2, 'ls /run/lost /var/kept 2>/dev/null; cat /etc/machine-id')).toBe(
      `/var/kept\n${id}`,
    );
    expect(await lab.sh(2, bootId)).not.toBe(before);
  });

  test('a power cut closes no connection: the other side hears nothing', async () => {
    const { address } = await lab.machine(2);
    await lab.sh(2, `systemd-run -q --unit=listener ${node(listen)}`);
    await lab.sh(1, `systemd-run -q --unit=talker ${node(call(address))}`);
    await journalSays(lab, 'talker', 'connected');
    await lab.kill(2);
    await pause(500);
    expect(await lab.sh(1, 'journalctl -q _SYSTEMD_UNIT=talker.service -o cat')).toBe('connected');
    await lab.boot(2);
  });

  test('systemctl reboot inside boots it again', async () => {
    const before = await lab.sh(1, `touch /var/kept; ${bootId}`);
    await lab.sh(1, 'systemctl reboot');
    const after = await waitFor(
      'machine 1 to be up with another boot id',
      async () => {
        const { status, stdout, stderr } = await lab.try(
          1,
          `systemctl is-active -q dbus && ${bootId}`,
        );
        const saw = `${status} ${stdout.trim()}${stderr}`;
        return status === 0 && stdout.trim() !== before
          ? { done: true, value: stdout.trim() }
          : { done: false, saw };
      },
      20_000,
    );
    expect(after).not.toBe('');
    expect(await lab.sh(1, 'ls /var/kept')).toBe('/var/kept');
  });

  test('a command that is stopped, as by a machine that shuts down, goes on', async () => {
    expect(await lab.sh(1, 'kill -STOP $$; echo on')).toBe('on');
  });

  test('poweroff inside leaves it off until it is booted', async () => {
    await lab.sh(1, 'systemctl poweroff');
    await waitFor(
      'machine 1 to be off',
      async () => {
        const { state } = await lab.machine(1);
        return state === 'off' ? { done: true, value: null } : { done: false, saw: state };
      },
      20_000,
    );
    await lab.boot(1);
  });

  test('cut takes a machine off the network, over a reboot too, and mend brings it back', async () => {
    await etcdIs('reached', lab);
    await lab.cut(1);
    await etcdIs('not reached', lab);
    await lab.kill(1);
    await lab.boot(1);
    expect((await lab.machine(1)).cut).toBe(true);
    await etcdIs('not reached', lab);
    await lab.mend(1);
    await etcdIs('reached', lab);
  });

  test.each<[CableWay, number, number]>([
    ['in', 2, 7100],
    ['out', 1, 7200],
  ])('a cable can be cut one way, over a reboot too: %s', async (way, hearing, port) => {
    const deaf = 3 - hearing;
    await lab.cut(1, way);
    await talk(lab, port);
    await journalSays(lab, `talk-${port}`, `from-${deaf}`, hearing);
    expect(await heardBy(lab, deaf, port)).toBe('');
    await lab.kill(1);
    await lab.boot(1);
    await talk(lab, port + 1);
    await journalSays(lab, `talk-${port + 1}`, `from-${deaf}`, hearing);
    expect(await heardBy(lab, deaf, port + 1)).toBe('');
    await lab.mend(1);
    await journalSays(lab, `talk-${port + 1}`, `from-${hearing}`, deaf);
    for (const machine of [1, 2]) await lab.sh(machine, `systemctl stop 'talk-*'`);
  });

  test('a member of etcd can hang and go on', async () => {
    await etcdIs('reached', lab);
    await lab.etcd('hang');
    await etcdIs('not reached', lab);
    await lab.etcd('resume');
    await etcdIs('reached', lab);
  });

  test('a relay can hold what passes, one way or both, and passes it on later', async () => {
    const { address } = await lab.machine(1);
    const path = `/run/muster-lab/${lab.name}/echo`;
    await lab.sh(1, `systemd-run -q --unit=echo ${node(echo)}`);
    const relay = lab.relay();
    const answers = createInterface({ input: relay.stdout });
    const ask = async (request: object): Promise<unknown> => {
      const answered = once(answers, 'line');
      relay.stdin.write(`${JSON.stringify(request)}\n`);
      return JSON.parse(String((await answered)[0]));
    };
    try {
      expect(await ask({ open: 'a', listen: path, to: `${address}:7001` })).toEqual({ ok: true });
      expect(await ask({ set: 'b' })).toEqual({ error: 'Error: there is no relay "b"' });
      const client = connect(path);
      const heard: string[] = [];
      client.setEncoding('utf8').on('data', (text: string) => heard.push(text));
      const hears = (text: string): Promise<null> =>
        waitFor(
          `the answer ${text}`,
          () =>
            Promise.resolve(
              heard.join('').endsWith(text) ? found : { done: false, saw: heard.join() },
            ),
          10_000,
        );
      const found = { done: true, value: null } as const;
      client.write('one');
      await hears('one');
      for (const hold of ['up', 'down', 'both']) {
        await ask({ set: 'a', hold });
        client.write(hold);
        await pause(300);
        expect(heard.join('').endsWith(hold)).toBe(false);
        await ask({ set: 'a' });
        await hears(hold);
      }
      client.destroy();
    } finally {
      relay.stdin.end();
      await once(relay, 'close');
    }
  });

  test('a unit of the same name stopped in one runs on in the other', async () => {
    for (const machine of [1, 2]) await lab.sh(machine, 'systemd-run -q --unit=same sleep 1000');
    const pid = await lab.sh(2, 'systemctl show --value -p MainPID same');
    await lab.sh(1, 'systemctl stop same');
    expect(
      await lab.sh(2, 'systemctl is-active same; systemctl show --value -p MainPID same'),
    ).toBe(`active\n${pid}`);
  });

  test('a second up says what is there, and refuses another number of machines', async () => {
    await lab.up(2, { musterd: false });
    await expect(lab.up(3, { musterd: false })).rejects.toThrow(
      'it stands already with 2 machines',
    );
  });

  test('etcd can be killed and started again', async () => {
    await lab.etcd('kill');
    expect((await lab.status()).etcd).toMatchObject([{ member: 1, state: 'off' }]);
    await lab.etcd('start');
    await etcdIs('reached', lab);
  });

  test.each([
    [['sh', '9'], "no machine '9': this lab has machines 1 to 2"],
    [['etcd', 'kill', '2'], "no etcd member '2': this lab has 1"],
    [['cut', '1', '--side'], "unknown option '--side' of cut"],
    [['fly'], "unknown verb 'fly'"],
  ])('%p is refused with a sentence', async (args, sentence) => {
    const [status, , stderr] = await script(lab.name, args);
    expect(status).toBe(1);
    expect(stderr).toContain(sentence);
  });

  test('another lab stands beside it, and its down leaves this one alone', async () => {
    const other = new Lab(testLabName('b'));
    try {
      await other.up(1, { musterd: false });
      expect((await other.machine(1)).address).not.toBe((await lab.machine(1)).address);
    } finally {
      await other.down();
    }
    expect(tracesOf(other.name)).toEqual([]);
    expect(await lab.sh(1, 'hostname')).toBe(`${lab.name}-1`);
    await lab.kill(2);
    await lab.boot(2);
  });
});

describe('what is left', () => {
  test('down takes all of it away', async () => {
    const lab = new Lab(testLabName('c'));
    await lab.up(2, { musterd: false, etcd: 3 });
    const network = statSync(`/run/muster-lab/${lab.name}/switch`).ino;
    expect(tracesOf(lab.name)).not.toEqual([]);
    await lab.down();
    expect(tracesOf(lab.name)).toEqual([]);
    expect([...networkNamespaces()]).not.toContain(`net:[${network}]`);
  });

  test.each([50, 200, 400, 800])('an up killed after %d ms is cleared by the next', async (ms) => {
    const lab = new Lab(testLabName('d'));
    const child = spawn('scripts/lab', ['--name', lab.name, 'up', '2', '--no-musterd'], {
      cwd: resolve(__dirname, '../../..'),
      stdio: 'ignore',
    });
    await pause(ms);
    child.kill('SIGKILL');
    try {
      await lab.up(2, { musterd: false });
      const running = { state: 'running' };
      expect((await lab.status()).machines).toMatchObject([running, running]);
    } finally {
      await lab.down();
    }
    expect(tracesOf(lab.name)).toEqual([]);
  });
});

async function reachEtcd(lab: Lab): Promise<string> {
  const [endpoint] = (await lab.status()).endpoints;
  return lab.sh(
    1,
    node(
      `fetch('${endpoint}/health',{signal:AbortSignal.timeout(1000)})` +
        ".then(()=>'reached',()=>'not reached').then(console.log)",
    ),
  );
}

async function etcdIs(expected: 'reached' | 'not reached', lab: Lab): Promise<void> {
  await waitFor(
    `etcd to be ${expected} from machine 1`,
    async () => {
      const saw = await reachEtcd(lab);
      return saw === expected ? { done: true, value: null } : { done: false, saw };
    },
    20_000,
  );
}

const listen = `require('net').createServer(()=>{}).listen(7000)`;
const call = (address: string): string =>
  `(function go(){const c=require('net').connect(7000,'${address}');` +
  `c.on('connect',()=>console.log('connected'));c.on('error',()=>setTimeout(go,50));c.on('end',()=>console.log('closed'))})()`;

/** A command of a machine's shell that runs `program`. */
function node(program: string): string {
  return `$(command -v node) -e "${program}"`;
}

/** Both machines tell each other who they are, on a port, for as long as they are on, and log it. */
async function talk(lab: Lab, port: number): Promise<void> {
  for (const machine of [1, 2]) {
    const { address } = await lab.machine(3 - machine);
    const program =
      `const s=require('dgram').createSocket('udp4').on('error',()=>0);` +
      `s.on('message',(m)=>console.log(String(m))).bind(${port},()=>` +
      `setInterval(()=>s.send('from-${machine}',${port},'${address}',()=>0),50))`;
    await lab.sh(machine, `systemd-run -q --collect --unit=talk-${port} ${node(program)}`);
  }
}

function heardBy(lab: Lab, machine: number, port: number): Promise<string> {
  return lab.sh(machine, `journalctl -q -b _SYSTEMD_UNIT=talk-${port}.service -o cat`);
}

const echo = `require('net').createServer((c)=>c.pipe(c)).listen(7001)`;

async function journalSays(lab: Lab, unit: string, text: string, machine = 1): Promise<void> {
  await waitFor(
    `${unit} to say "${text}"`,
    async () => {
      const journal = `journalctl -q -b _SYSTEMD_UNIT=${unit}.service -o cat`;
      const { stdout } = await lab.try(machine, journal);
      return stdout.includes(text) ? { done: true, value: null } : { done: false, saw: stdout };
    },
    10_000,
  );
}

async function script(
  name: string,
  args: readonly string[],
): Promise<[number | null, string, string]> {
  const child = spawn('scripts/lab', ['--name', name, ...args], {
    cwd: resolve(__dirname, '../../..'),
  });
  const texts = ['', ''];
  child.stdout.on('data', (data) => (texts[0] += String(data)));
  child.stderr.on('data', (data) => (texts[1] += String(data)));
  await once(child, 'close');
  return [child.exitCode, texts[0] ?? '', texts[1] ?? ''];
}
