import type { Systemd } from '@muster/core';
import { observe, service, sha1 } from './systemd.contract.ts';
import type { SystemdContract } from './systemd.contract.ts';
import { realClock } from './testing/real-clock.ts';

const fleet = '[X-Fleet]\nOnPartition=stop\n';
const bound = `${service('ExecStart=/bin/sleep infinity')}${fleet}`;
const minuteMs = 60_000;

/** What becomes of units with `OnPartition=stop`. */
export function describeLeaseContract(name: string, make: () => Promise<SystemdContract>): void {
  describe(name, () => {
    // Longer than what is waited for, so that a failure says what it saw.
    jest.setTimeout(30_000);
    let contract: SystemdContract;
    let systemd: Systemd;
    let seen: ReturnType<typeof observe>;

    beforeAll(async () => {
      contract = await make();
      systemd = contract.systemd;
      seen = observe(systemd);
    });
    afterAll(async () => contract?.close());

    /** Times from now. */
    const hold = (stopMs: number, killMs = stopMs): Promise<void> => {
      const now = realClock.monotonic();
      return systemd.hold({ stopAt: now + stopMs, killAt: now + killMs });
    };
    /** The lease ends, and what is up with it. */
    const lose = async (unit: string): Promise<void> => {
      await hold(0, minuteMs);
      await seen.becomes(unit, 'unloaded');
      expect([...(await systemd.fenced())]).toEqual([unit]);
      await systemd.forgetFenced(unit);
    };
    const pidOf = async (unit: string): Promise<number> =>
      (await systemd.details([unit])).get(unit)?.mainPid ?? 0;
    const startBound = async (unit: string, text = bound): Promise<string> => {
      await seen.write(unit, text);
      await systemd.start(unit);
      return seen.endOf(unit, 'start');
    };

    test('before there is a lease, and when it is over, a unit that is bound to it is not started', async () => {
      expect(await startBound('tied.service')).toBe('dependency');
      await hold(minuteMs);
      expect(await startBound('tied.service')).toBe('done');
      await seen.becomes('tied.service', 'active/running');
      await lose('tied.service');
      expect(await startBound('tied.service')).toBe('dependency');
      expect(await startBound('late.service')).toBe('dependency');
      expect([...(await systemd.fenced())]).toEqual([]);
    });

    test('it runs for as long as the lease is renewed, and ends without a word of ours when it is not', async () => {
      await hold(300, minuteMs);
      expect(await startBound('held.service')).toBe('done');
      const pid = await pidOf('held.service');
      for (let i = 0; i < 8; i += 1) {
        await realClock.sleep(100, new AbortController().signal);
        await hold(300, minuteMs);
      }
      expect(await pidOf('held.service')).toBe(pid);
      await seen.becomes('held.service', 'unloaded');
      expect([...(await systemd.fenced())]).toEqual(['held.service']);
      await systemd.forgetFenced('held.service');
      expect([...(await systemd.fenced())]).toEqual([]);
    });

    test('a limit makes it end earlier, also one of another process, and never later', async () => {
      await hold(minuteMs);
      expect(await startBound('limited.service')).toBe('done');
      const other = await contract.reopen();
      const now = realClock.monotonic();
      await other.systemd.limit({ stopAt: now, killAt: now + minuteMs });
      await other.systemd.limit({ stopAt: now + minuteMs, killAt: now + minuteMs });
      await other.close();
      await seen.becomes('limited.service', 'unloaded');
      await systemd.forgetFenced('limited.service');
    });

    test('what is not bound any more is not noted as stopped for want of a lease', async () => {
      await hold(minuteMs);
      await seen.write('other.service', bound);
      await seen.write('loosed.service', bound);
      await systemd.noteFenced(['loosed.service']);
      await seen.write('loosed.service', service('ExecStart=/bin/sleep infinity'));
      expect([...(await systemd.fenced())]).toEqual([]);
    });

    test('what takes too long to end is killed, whatever its file says of that', async () => {
      const stubborn = service(
        'ExecStart=/bin/sh -c \'trap "" TERM; while :; do sleep 0.1; done\'',
        'ExecStop=/bin/sleep 60',
        'ExecStopPost=/bin/sleep 60',
        'TimeoutStopSec=90',
        'Restart=always',
      );
      await hold(minuteMs);
      expect(await startBound('stubborn.service', `${stubborn}${fleet}`)).toBe('done');
      await hold(0, 1_500);
      await seen.becomes('stubborn.service', 'failed/failed');
      expect([...(await systemd.fenced())]).toEqual(['stubborn.service']);
      await systemd.removeFile('stubborn.service');
      expect([...(await systemd.fenced())]).toEqual([]);
    });

    test.each(['srv-data\\x2d1.service', '-dash.service', 'a\\x5cx@b\\x2dc.service'])(
      'whatever systemd allows in a name, it is noted and killed: %s',
      async (name) => {
        const slow = service('ExecStart=/bin/sleep infinity', 'ExecStop=/bin/sleep 60');
        await hold(minuteMs);
        expect(await startBound(name, `${slow}${fleet}`)).toBe('done');
        await hold(0, 500);
        await seen.becomes(name, 'failed/failed');
        expect([...(await systemd.fenced())]).toEqual([name]);
        await systemd.removeFile(name);
        await systemd.resetFailed(name);
      },
    );

    test('others do not mind that it is over', async () => {
      await seen.write('free.service', service('ExecStart=/bin/sleep infinity'));
      await systemd.start('free.service');
      expect(await seen.endOf('free.service', 'start')).toBe('done');
      await seen.becomes('free.service', 'active/running');
    });

    test('a unit that gets bound to the lease while it runs keeps its process, and ends with the lease', async () => {
      await hold(minuteMs);
      await seen.write('turned.service', service('ExecStart=/bin/sleep infinity'));
      await systemd.start('turned.service');
      expect(await seen.endOf('turned.service', 'start')).toBe('done');
      const pid = await pidOf('turned.service');
      await seen.write('turned.service', bound);
      await systemd.reload();
      expect((await systemd.files()).get('turned.service')).toBe(sha1(bound));
      // Whatever systemd did because of it would be done before this.
      await systemd.start('turned.service');
      expect(await seen.endOf('turned.service', 'start')).toBe('done');
      expect(await pidOf('turned.service')).toBe(pid);
      await contract.tamper('turned.service');
      expect((await systemd.files()).get('turned.service')).toBe('');
      expect(await pidOf('turned.service')).toBe(pid);
      await lose('turned.service');
    });

    test('a timer that is bound to it is not started and does not stay', async () => {
      await seen.write('tick.service', service('Type=oneshot', 'ExecStart=/bin/true'));
      const timer = `[Timer]\nOnActiveSec=1h\n${fleet}`;
      await hold(minuteMs);
      expect(await startBound('tick.timer', timer)).toBe('done');
      await lose('tick.timer');
      await systemd.start('tick.timer');
      expect(await seen.endOf('tick.timer', 'start')).toBe('dependency');
    });

    test('a kill ends every process; of a unit that does not run it is no error', async () => {
      await hold(minuteMs);
      expect(await startBound('killed.service')).toBe('done');
      await systemd.kill('killed.service');
      await seen.becomes('killed.service', 'failed/failed');
      await systemd.kill('killed.service');
      await systemd.kill('unheard-of.service');
    });

    test('only units that are bound to the lease are noted as stopped for want of one', async () => {
      await systemd.noteFenced(['killed.service', 'free.service', 'unheard-of.service']);
      expect([...(await systemd.fenced())]).toEqual(['killed.service']);
    });
  });
}
