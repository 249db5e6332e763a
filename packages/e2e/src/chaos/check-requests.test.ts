import { checkRequests } from './check-requests.ts';
import type { Request, StoreChange } from './evidence.ts';
import { asked, history, wrote } from './testing/history.ts';

const by = (id: string): { origin: object } => ({ origin: { by: `${id}@machine-1` } });
const write = (revision: number, id: string): StoreChange =>
  wrote(revision, 'unit/a.service', by(id));
const stop = (outcome: Request['outcome']): Request =>
  asked({ action: 'stop', unit: 'a.service' }, { outcome });

test.each<[string, Request[], StoreChange[]]>([
  ['done and written once', [stop('done')], [write(3, 'r1')]],
  ['no answer, not written', [stop('unknown')], []],
  ['no answer, written once', [stop('unknown')], [write(3, 'r1')]],
  ['refused and not written', [stop('refused')], []],
  ['what prepared the run', [], [write(3, 'prepare')]],
  [
    'destroyed, as the audit record of the transaction says',
    [asked({ action: 'destroy', unit: 'a.service' })],
    [
      write(3, 'prepare'),
      wrote(4, 'audit', { destroyed: [{ unit: 'a.service', by: 'r1@machine-1' }] }),
      wrote(4, 'unit/a.service', null),
    ],
  ],
  [
    'one transaction with two records',
    [asked({ action: 'metadata', machine: 1, key: 'a', value: 'b' })],
    [wrote(3, 'machine-settings/id1', by('r1')), wrote(3, 'machine-settings/id2', by('r1'))],
  ],
])('%s: good', (_, requests, changes) => {
  expect(checkRequests(history({ requests, changes }))).toEqual([]);
});

test.each<[string, Request[], StoreChange[], RegExp]>([
  ['done, but lost', [stop('done')], [], /request r1 .*done.* was written never/],
  ['done twice', [stop('done')], [write(3, 'r1'), write(5, 'r1')], /at the revisions 3, 5/],
  ['no answer, done twice', [stop('unknown')], [write(3, 'r1'), write(5, 'r1')], /revisions 3, 5/],
  ['refused, but written', [stop('refused')], [write(3, 'r1')], /at the revisions 3/],
  ['answered that nothing was written', [stop('nothing')], [write(3, 'r1')], /at the revisions 3/],
  ['by nobody', [], [write(3, 'stranger')], /nobody had asked for \(stranger\)/],
  [
    'gone without a word',
    [],
    [write(3, 'prepare'), wrote(4, 'unit/a.service', null)],
    /at revision 4 unit\/a.service was written, which nobody had asked for/,
  ],
])('%s: a violation', (_, requests, changes, text) => {
  expect(checkRequests(history({ requests, changes }))).toEqual([
    { invariant: 'requests', text: expect.stringMatching(text) },
  ]);
});
