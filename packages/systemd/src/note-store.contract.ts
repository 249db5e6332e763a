import type { NoteStore, UnitNote } from '@muster/core';

export const bootId = '11111111-1111-1111-1111-111111111111';

export const note = (unit: string, change: Partial<UnitNote> = {}): UnitNote => ({
  unit,
  bootId,
  answers: 7,
  incarnation: 3,
  hash: '0'.repeat(40),
  desiredState: 'launched',
  restarts: 0,
  pending: null,
  wasStarted: true,
  jobResult: null,
  ...change,
});

export function describeNoteStoreContract(name: string, make: () => NoteStore): void {
  describe(name, () => {
    const names = [
      'a.service',
      'a@1.service',
      'dev-x\\x2dy.mount',
      'a:b.service',
      `${'x'.repeat(240)}.service`,
      `${'x'.repeat(239)}y.service`,
      `${'ä'.repeat(100)}.service`,
    ];

    test('what is saved is loaded, under whatever name', async () => {
      const store = make();
      for (const unit of names) await store.save(note(unit, { jobResult: 'done' }));
      const loaded = await store.load();
      expect([...loaded.keys()].toSorted()).toEqual(names.toSorted());
      expect(loaded.get('a.service')).toEqual(note('a.service', { jobResult: 'done' }));
    });

    test('what was asked for is kept', async () => {
      const store = make();
      await store.save(note('a.service', { restarts: 4, starts: 2, stay: 7 }));
      const counts = { restarts: 4, starts: 2, stay: 7 };
      expect((await store.load()).get('a.service')).toMatchObject(counts);
    });

    test('what a pending job is to make of a unit is kept', async () => {
      const store = make();
      const begun = note('a.service', { pending: 'start', begins: { hash: 'h1', restarts: 2 } });
      await store.save(begun);
      expect((await store.load()).get('a.service')).toEqual(begun);
    });

    test('the last of several is kept, and one that is removed is gone', async () => {
      const store = make();
      await store.save(note('a.service', { pending: 'start' }));
      await store.save(note('a.service', { pending: null, restarts: 2 }));
      await store.save(note('b.service'));
      await store.remove('b.service');
      await store.remove('b.service');
      expect([...(await store.load()).values()]).toEqual([note('a.service', { restarts: 2 })]);
    });

    test('a note of another boot is left out', async () => {
      const store = make();
      await store.save(note('a.service', { bootId: '22222222-2222-2222-2222-222222222222' }));
      expect((await store.load()).size).toBe(0);
    });
  });
}
