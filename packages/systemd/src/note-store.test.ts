import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryNoteStore } from './memory-note-store.ts';
import { bootId, describeNoteStoreContract, note } from './note-store.contract.ts';
import { FileNoteStore, noteFileName } from './note-store.ts';
import { memoryLog } from './testing/real-clock.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'muster-notes-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const open = (log = memoryLog()) =>
  new FileNoteStore({ directory: join(root, 'units'), bootId, log });

describeNoteStoreContract('notes in memory', () => new MemoryNoteStore(bootId));
describeNoteStoreContract('notes in files', () => open());

test('notes survive musterd', async () => {
  await open().save(note('a.service'));
  expect((await open().load()).get('a.service')).toEqual(note('a.service'));
});

test('file names fit in 255 bytes and are never hidden', () => {
  const longest = noteFileName(`${'ä'.repeat(123)}.service`);
  expect(Buffer.byteLength(longest)).toBeLessThanOrEqual(255);
  expect(noteFileName('../../etc/passwd')).toMatch(/^[^./]/);
  expect(noteFileName('a/b.service')).not.toContain('/');
});

test.each([
  ['cut off', '{"unit":"a.serv', 'it is not JSON'],
  ['another thing', '[1]', 'unit is missing'],
  ['null', 'null', 'it is not an object'],
  ['with a wrong number', JSON.stringify(note('a.service', { answers: -1 })), 'answers'],
  ['with a wrong count', JSON.stringify(note('a.service', { starts: 0.5 })), 'starts'],
  ['with an unknown state', JSON.stringify({ ...note('a.service'), desiredState: 'x' }), 'desired'],
])('a note that is %s is reported and left out, the others are read', async (_, text, problem) => {
  const log = memoryLog();
  const store = open(log);
  await store.save(note('b.service'));
  writeFileSync(join(root, 'units', 'a.service.json'), text);
  expect([...(await store.load()).keys()]).toEqual(['b.service']);
  expect(log.lines).toMatchObject([
    { level: 'warn', fields: { problem: expect.stringContaining(problem) } },
  ]);
});

test('what a crash left half-written is removed', async () => {
  const store = open();
  await store.save(note('a.service'));
  writeFileSync(join(root, 'units', '.tmp-1-1'), 'half');
  await store.load();
  expect(readdirSync(join(root, 'units'))).toEqual(['a.service.json']);
});
