import { createHash } from 'node:crypto';
import type { JobEnd, LoadedUnit, Systemd, UnitRun } from '@muster/core';
import { eventually } from './testing/real-clock.ts';

/** What a test gets to work with; made once for the suite. */
export interface SystemdContract {
  readonly systemd: Systemd;
  /** Makes the host have a unit of this name, outside of muster's directory. */
  addHostUnit(name: string, kind: 'fragment' | 'mask'): Promise<void>;
  /** Changes a file of ours by hand. */
  tamper(name: string): Promise<void>;
  /** The main process of an active unit dies from SIGKILL. */
  crash(name: string): Promise<void>;
  /** Opens the same systemd once more, as a musterd that was started anew does. */
  reopen(): Promise<{ readonly systemd: Systemd; readonly close: () => Promise<void> }>;
  close(): Promise<void>;
}

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

export const service = (...lines: string[]): string => `[Service]\n${lines.join('\n')}\n`;
export const sleeper = service('ExecStart=/bin/sleep infinity');

/** Puts what happens to a unit where a test can wait for it. */
export function observe(systemd: Systemd) {
  const ends: JobEnd[] = [];
  systemd.onJobEnd((end) => ends.push(end));
  let last: unknown = null;
  const find = async (name: string): Promise<LoadedUnit | undefined> =>
    (await systemd.listUnits()).find((unit) => unit.name === name);
  return {
    ends,
    write: async (name: string, text: string): Promise<void> => {
      const result = await systemd.writeFile(name, { hash: sha1(text), text });
      if (result.type === 'refused') throw new Error(result.reason);
    },
    endOf: (unit: string, type: JobEnd['type']): Promise<string> =>
      eventually(
        () => {
          const at = ends.findIndex((end) => end.unit === unit && end.type === type);
          return at < 0 ? null : (ends.splice(at, 1)[0]?.result ?? null);
        },
        () => ({ unit, type, ends }),
      ),
    /** `active/running`; `unloaded` when systemd has it no more. */
    becomes: (name: string, state: string): Promise<string> =>
      eventually(
        async () => {
          const unit = await find(name);
          last = unit === undefined ? 'unloaded' : `${unit.activeState}/${unit.subState}`;
          return last === state ? state : null;
        },
        () => ({ name, wanted: state, last }),
      ),
    find,
  };
}

export function describeSystemdContract(name: string, make: () => Promise<SystemdContract>): void {
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

    const start = async (unit: string, text: string): Promise<string> => {
      await seen.write(unit, text);
      await systemd.start(unit);
      return seen.endOf(unit, 'start');
    };

    test('a service is started, restarted and stopped', async () => {
      expect(await start('life.service', sleeper)).toBe('done');
      await seen.becomes('life.service', 'active/running');
      const first = (await runsOf(systemd, ['life.service'])).get('life.service');
      expect(first?.result).toBe('success');
      expect(first?.invocationId).toMatch(/^[0-9a-f]{32}$/);

      await systemd.restart('life.service');
      expect(await seen.endOf('life.service', 'restart')).toBe('done');
      const second = (await runsOf(systemd, ['life.service'])).get('life.service');
      expect(second?.invocationId).toMatch(/^[0-9a-f]{32}$/);
      expect(second?.invocationId).not.toBe(first?.invocationId);

      await systemd.stop('life.service');
      expect(await seen.endOf('life.service', 'stop')).toBe('done');
      await seen.becomes('life.service', 'unloaded');
    });

    test('starting an active unit ends at once and leaves its process alone', async () => {
      await start('twice.service', sleeper);
      const before = (await systemd.details(['twice.service'])).get('twice.service');
      await systemd.start('twice.service');
      expect(await seen.endOf('twice.service', 'start')).toBe('done');
      const after = (await systemd.details(['twice.service'])).get('twice.service');
      expect(after).toEqual(before);
      expect(before?.mainPid).toBeGreaterThan(0);
      expect(before?.needDaemonReload).toBe(false);
      expect(before?.fragmentPath).toMatch(/\/twice\.service$/);
    });

    test('an oneshot that ends well is inactive and forgotten', async () => {
      expect(await start('once.service', service('Type=oneshot', 'ExecStart=/bin/true'))).toBe(
        'done',
      );
      await seen.becomes('once.service', 'unloaded');
      expect((await systemd.details(['once.service'])).has('once.service')).toBe(false);
    });

    test('an oneshot with RemainAfterExit= stays active', async () => {
      const text = service('Type=oneshot', 'RemainAfterExit=yes', 'ExecStart=/bin/true');
      expect(await start('stays.service', text)).toBe('done');
      await seen.becomes('stays.service', 'active/exited');
    });

    test('an oneshot that fails ends its job with failed; reset-failed forgets it', async () => {
      const text = service('Type=oneshot', 'ExecStart=/bin/false');
      expect(await start('fails.service', text)).toBe('failed');
      await seen.becomes('fails.service', 'failed/failed');
      const run = (await runsOf(systemd, ['fails.service'])).get('fails.service');
      expect(run).toMatchObject({
        result: 'exit-code',
        exit: { code: 'exited', status: 1 },
      });
      await systemd.resetFailed('fails.service');
      await seen.becomes('fails.service', 'unloaded');
      await systemd.resetFailed('fails.service');
    });

    test('a program that is missing fails the job of Type=exec, and later that of Type=simple', async () => {
      const missing = 'ExecStart=/nonexistent/program';
      expect(await start('exec.service', service('Type=exec', missing))).toBe('failed');
      await seen.becomes('exec.service', 'failed/failed');
      expect(await start('simple.service', service(missing))).toBe('done');
      await seen.becomes('simple.service', 'failed/failed');
      const runs = await runsOf(systemd, ['exec.service', 'simple.service']);
      const notExecuted = { result: 'exit-code', exit: { code: 'exited', status: 203 } };
      expect([...runs.values()]).toMatchObject([notExecuted, notExecuted]);
    });

    test('a service that is started too often is told from one that failed once', async () => {
      const restarts = ['Restart=on-failure', 'RestartSec=0.02', 'ExecStart=/bin/false'];
      const limit = '[Unit]\nStartLimitIntervalSec=1h\nStartLimitBurst=3\n';
      await start('limit.service', limit + service(...restarts));
      await seen.becomes('limit.service', 'failed/failed');
      const run = (await runsOf(systemd, ['limit.service'])).get('limit.service');
      expect(run).toMatchObject({
        result: 'start-limit-hit',
        exit: { code: 'exited', status: 1 },
      });
      expect(await systemd.restarts(['limit.service'])).toEqual(new Map([['limit.service', 3]]));
    });

    test('restarts by systemd are counted from the last start that was asked for', async () => {
      const text = service(
        'Restart=on-failure',
        'RestartSec=0.02',
        'ExecStart=/bin/sleep infinity',
      );
      const count = async () =>
        (await systemd.restarts(['again-up.service'])).get('again-up.service');
      await start('again-up.service', text);
      await seen.becomes('again-up.service', 'active/running');
      expect(await count()).toBe(0);
      await contract.crash('again-up.service');
      await eventually(async () => ((await count()) === 1 ? true : null), count);
      await seen.becomes('again-up.service', 'active/running');
      const run = (await runsOf(systemd, ['again-up.service'])).get('again-up.service');
      expect(run).toMatchObject({ result: 'success', exit: null });
      await systemd.restart('again-up.service');
      await seen.endOf('again-up.service', 'restart');
      expect(await count()).toBe(0);
    });

    test('a service that waits for its next start says how the last run ended', async () => {
      await start(
        'waits.service',
        service('Restart=always', 'RestartSec=600', 'ExecStart=/bin/sleep infinity'),
      );
      await contract.crash('waits.service');
      await seen.becomes('waits.service', 'activating/auto-restart');
      const run = (await runsOf(systemd, ['waits.service'])).get('waits.service');
      expect(run).toMatchObject({ result: 'signal', exit: { code: 'killed', status: 9 } });
      await systemd.stop('waits.service');
      await seen.endOf('waits.service', 'stop');
    });

    test('a failed dependency ends the job with dependency', async () => {
      await seen.write('base.service', service('Type=oneshot', 'ExecStart=/bin/false'));
      const text = `[Unit]\nRequires=base.service\nAfter=base.service\n${sleeper}`;
      expect(await start('above.service', text)).toBe('dependency');
      expect(await seen.find('above.service')).toBeUndefined();
    });

    test('a condition that does not hold ends the job with done and runs nothing', async () => {
      const text = `[Unit]\nConditionPathExists=/nonexistent/path\n${sleeper}`;
      expect(await start('cond.service', text)).toBe('done');
      await seen.becomes('cond.service', 'unloaded');
    });

    test('a crash shows as failed with its signal', async () => {
      await start('crash.service', sleeper);
      await contract.crash('crash.service');
      await seen.becomes('crash.service', 'failed/failed');
      const run = (await runsOf(systemd, ['crash.service'])).get('crash.service');
      expect(run).toMatchObject({ result: 'signal', exit: { code: 'killed', status: 9 } });
    });

    test('a unit without a file is refused when started, and counts as stopped', async () => {
      await expect(systemd.start('absent.service')).rejects.toMatchObject({
        code: 'systemd-refused',
        dbusName: 'org.freedesktop.systemd1.NoSuchUnit',
      });
      await systemd.stop('absent.service');
      expect(await seen.endOf('absent.service', 'stop')).toBe('done');
      expect((await systemd.details(['absent.service'])).size).toBe(0);
    });

    test('a name that was looked up as missing is found once its file is there', async () => {
      await expect(systemd.start('late.service')).rejects.toMatchObject({
        code: 'systemd-refused',
      });
      expect(await start('late.service', sleeper)).toBe('done');
      await seen.becomes('late.service', 'active/running');
    });

    test('a new instance file needs no reload, beside its template', async () => {
      await seen.write('web@.service', service('ExecStart=/bin/false'));
      expect(await start('web@1.service', sleeper)).toBe('done');
      await seen.becomes('web@1.service', 'active/running');
      const details = (await systemd.details(['web@1.service'])).get('web@1.service');
      expect(details?.fragmentPath).toMatch(/\/web@1\.service$/);
    });

    test('a changed file of a loaded unit takes effect after a reload only', async () => {
      await start('edit.service', sleeper);
      await seen.write('edit.service', service('Type=oneshot', 'ExecStart=/bin/false'));
      const stale = (await systemd.details(['edit.service'])).get('edit.service');
      expect(stale?.needDaemonReload).toBe(true);
      await systemd.restart('edit.service');
      expect(await seen.endOf('edit.service', 'restart')).toBe('done');

      await Promise.all([systemd.reload(), systemd.reload(), systemd.reload()]);
      const fresh = (await systemd.details(['edit.service'])).get('edit.service');
      expect(fresh?.needDaemonReload).toBe(false);
      await systemd.restart('edit.service');
      expect(await seen.endOf('edit.service', 'restart')).toBe('failed');
    });

    test('a file that is removed and written again with other content starts as the new one', async () => {
      await start('again.service', sleeper);
      await systemd.stop('again.service');
      await seen.endOf('again.service', 'stop');
      await seen.becomes('again.service', 'unloaded');
      await systemd.removeFile('again.service');
      await expect(systemd.start('again.service')).rejects.toMatchObject({
        code: 'systemd-refused',
      });
      const text = service('Type=oneshot', 'ExecStart=/bin/false');
      expect(await start('again.service', text)).toBe('failed');
    });

    test('files are listed with their hash, and with none when changed by hand', async () => {
      await seen.write('kept.service', sleeper);
      await seen.write('bent.service', sleeper);
      await contract.tamper('bent.service');
      const files = await systemd.files();
      expect(files.get('kept.service')).toBe(sha1(sleeper));
      expect(files.get('bent.service')).toBe('');
      await seen.write('bent.service', sleeper);
      expect((await systemd.files()).get('bent.service')).toBe(sha1(sleeper));
      await systemd.removeFile('bent.service');
      await systemd.removeFile('bent.service');
      expect((await systemd.files()).has('bent.service')).toBe(false);
    });

    test('files and units survive a new start of musterd', async () => {
      await start('survivor.service', sleeper);
      const before = await systemd.details(['survivor.service']);
      const { systemd: other, close } = await contract.reopen();
      try {
        expect((await other.files()).get('survivor.service')).toBe(sha1(sleeper));
        expect(await other.details(['survivor.service'])).toEqual(before);
      } finally {
        await close();
      }
      await seen.becomes('survivor.service', 'active/running');
    });

    test.each([
      ['a unit', 'host-a.service', 'host-a.service', 'fragment', /has a unit host-a\.service/],
      ['a mask', 'host-b.service', 'host-b.service', 'mask', /host-b\.service is masked/],
      ['a template', 'host-c@.service', 'host-c@1.service', 'fragment', /template of host-c@1/],
    ] as const)('%s of the host refuses the name', async (_, host, name, kind, reason) => {
      await contract.addHostUnit(host, kind);
      const result = await systemd.writeFile(name, { hash: sha1(sleeper), text: sleeper });
      expect(result).toEqual({ type: 'refused', reason: expect.stringMatching(reason) });
      for (const job of [systemd.start(host), systemd.stop(host), systemd.restart(host)]) {
        await expect(job).rejects.toMatchObject({ code: 'host-unit' });
      }
      expect((await systemd.files()).has(name)).toBe(false);
      await systemd.removeFile(name);
    });

    test('what a timer and a socket start is seen, and theirs are states of their own', async () => {
      await seen.write('tick.service', sleeper);
      expect(await start('tick.timer', '[Timer]\nOnActiveSec=1h\n')).toBe('done');
      await seen.becomes('tick.timer', 'active/waiting');
      await seen.write('echo@.service', sleeper);
      const listen = '[Socket]\nListenStream=%t/muster-echo\nAccept=yes\n';
      expect(await start('echo.socket', listen)).toBe('done');
      await seen.becomes('echo.socket', 'active/listening');
      const runs = await runsOf(systemd, ['tick.timer', 'echo.socket']);
      expect([...runs.values()].map((run) => run.result)).toEqual(['success', 'success']);
      for (const name of ['tick.timer', 'echo.socket']) {
        await systemd.stop(name);
        expect(await seen.endOf(name, 'stop')).toBe('done');
      }
    });

    test('a stop during a start cancels it', async () => {
      await seen.write('slow.service', service('Type=oneshot', 'ExecStart=/bin/sleep 30'));
      await systemd.start('slow.service');
      await seen.becomes('slow.service', 'activating/start');
      expect((await seen.find('slow.service'))?.job).toBe('start');
      await systemd.stop('slow.service');
      expect(await seen.endOf('slow.service', 'start')).toBe('canceled');
      expect(await seen.endOf('slow.service', 'stop')).toBe('done');
    });

    test('200 units at once all end, each once', async () => {
      const names = Array.from({ length: 200 }, (_, index) => `many-${index}.service`);
      const text = service('Type=oneshot', 'ExecStart=/bin/true');
      for (const name of names) await seen.write(name, text);
      seen.ends.length = 0;
      await Promise.all(names.map((name) => systemd.start(name)));
      await eventually(
        () => (seen.ends.length >= names.length ? true : null),
        () => seen.ends.length,
      );
      expect(seen.ends.map((end) => end.unit).toSorted()).toEqual(names.toSorted());
      expect(new Set(seen.ends.map((end) => end.result))).toEqual(new Set(['done']));
      seen.ends.length = 0;
    });

    test('it is not stopping', async () => {
      expect(await systemd.isStopping()).toBe(false);
    });
  });
}

/** `runs` of those units that are loaded. */
async function runsOf(
  systemd: Systemd,
  names: readonly string[],
): Promise<ReadonlyMap<string, UnitRun>> {
  const units = await systemd.listUnits();
  return systemd.runs(units.filter(({ name }) => names.includes(name)));
}
