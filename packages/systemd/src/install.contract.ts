import type { Systemd } from '@muster/core';
import { observe, sha1, sleeper } from './systemd.contract.ts';
import type { SystemdContract } from './systemd.contract.ts';

/** What `[Install]` of a unit file does. */
export function describeInstallContract(name: string, make: () => Promise<SystemdContract>): void {
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

    const start = async (unit: string): Promise<void> => {
      await systemd.start(unit);
      expect(await seen.endOf(unit, 'start')).toBe('done');
    };
    const stop = async (...units: readonly string[]): Promise<void> => {
      for (const unit of units) {
        await systemd.stop(unit);
        expect(await seen.endOf(unit, 'stop')).toBe('done');
        await seen.becomes(unit, 'unloaded');
      }
    };

    test.each(['WantedBy', 'RequiredBy'])(
      '%s= in [Install] starts a unit with another, after a reload and until it is taken back',
      async (option) => {
        const [target, unit] = [`all-${option}.target`, `part-${option}.service`];
        const install = `${sleeper}[Install]\n${option}=${target}\n`;
        await seen.write(target, '[Unit]\nDescription=all\n');
        await start(target);
        expect(systemd.needsReload()).toBe(false);
        await seen.write(unit, install);
        expect(systemd.needsReload()).toBe(true);
        expect((await systemd.files()).get(unit)).toBe(sha1(install));
        await systemd.reload();
        expect(systemd.needsReload()).toBe(false);
        await seen.write(unit, install);
        expect(systemd.needsReload()).toBe(false);
        await stop(target, unit);
        await start(target);
        await seen.becomes(unit, 'active/running');

        await seen.write(unit, sleeper);
        expect(systemd.needsReload()).toBe(true);
        await systemd.reload();
        await stop(target, unit);
        await start(target);
        await seen.becomes(target, 'active/active');
        expect(await seen.find(unit)).toBeUndefined();
      },
    );

    test('Alias= in [Install] is another name, until the unit is removed', async () => {
      await seen.write('own.service', `${sleeper}[Install]\nAlias=other.service\n`);
      await systemd.reload();
      await systemd.start('other.service');
      await seen.becomes('own.service', 'active/running');
      expect(await seen.find('other.service')).toBeUndefined();
      await stop('own.service');
      await systemd.removeFile('own.service');
      expect(systemd.needsReload()).toBe(true);
      await systemd.reload();
      for (const name of ['own.service', 'other.service']) {
        await expect(systemd.start(name)).rejects.toMatchObject({ code: 'systemd-refused' });
      }
    });

    test('a name that somebody has cannot be an alias, and one that is an alias cannot be a unit', async () => {
      await contract.addHostUnit('host-d.service', 'fragment');
      await contract.addHostUnit('host-e.service', 'mask');
      await seen.write('first.service', `${sleeper}[Install]\nAlias=taken.service\n`);
      const refused: readonly (readonly [name: string, alias: string, reason: RegExp])[] = [
        ['alias.service', 'host-d.service', /^Alias=host-d\.service cannot .* of its own: /],
        [
          'alias.service',
          'host-e.service',
          /^Alias=host-e\.service cannot .* masked on this machine/,
        ],
        ['alias.service', 'first.service', /: first\.service is a unit of the cluster itself$/],
        [
          'alias.service',
          'taken.service',
          /: taken\.service is another name of first\.service on /,
        ],
        ['alias.service', 'alias.socket', /^Alias=alias\.socket: the alias of a \.service unit/],
        ['taken.service', 'free.service', /^taken\.service is another name of first\.service on /],
      ];
      for (const [name, alias, reason] of refused) {
        const text = `${sleeper}[Install]\nAlias=${alias}\n`;
        const result = await systemd.writeFile(name, { hash: sha1(text), text });
        expect(result).toEqual({ type: 'refused', reason: expect.stringMatching(reason) });
        expect((await systemd.files()).has(name)).toBe(false);
      }
      await systemd.removeFile('first.service');
      await systemd.reload();
      await seen.write('taken.service', sleeper);
      await systemd.removeFile('taken.service');
      expect(systemd.needsReload()).toBe(false);
    });
  });
}
