import { JobTable } from './job-table.ts';
import type { JobAsk } from './job-table.ts';

function ask(unit: string, type: JobAsk['type'] = 'start') {
  const gone: string[] = [];
  return { gone, ask: { unit, type, onGone: () => void gone.push(unit) } };
}

test('a job that ends after its acceptance is told of once', () => {
  const jobs = new JobTable();
  const { ask: asked, gone } = ask('a.service');
  jobs.asking();
  expect(jobs.accepted('/job/1', asked)).toBeNull();
  expect(jobs.removed('/job/1', 'a.service', 'done')).toEqual([
    { unit: 'a.service', type: 'start', result: 'done' },
  ]);
  expect(jobs.removed('/job/1', 'a.service', 'done')).toEqual([]);
  expect(gone).toEqual(['a.service']);
});

test('a job whose end is heard of before its acceptance is told of at the acceptance', () => {
  const jobs = new JobTable();
  const { ask: asked, gone } = ask('a.service', 'stop');
  jobs.asking();
  expect(jobs.removed('/job/1', 'a.service', 'done')).toEqual([]);
  expect(jobs.accepted('/job/1', asked)).toEqual({
    unit: 'a.service',
    type: 'stop',
    result: 'done',
  });
  expect(gone).toEqual(['a.service']);
  expect(jobs.size).toBe(0);
});

test('ends of foreign jobs are not kept once nothing is outstanding', () => {
  const jobs = new JobTable();
  jobs.asking();
  jobs.removed('/job/1', 'host.service', 'done');
  jobs.refused();
  jobs.asking();
  expect(jobs.accepted('/job/1', ask('a.service').ask)).toBeNull();
});

test('one job that answers two requests is told of for both', () => {
  const jobs = new JobTable();
  jobs.asking();
  jobs.asking();
  jobs.accepted('/job/1', ask('a.service', 'start').ask);
  jobs.accepted('/job/1', ask('a.service', 'restart').ask);
  const ends = jobs.removed('/job/1', 'a.service', 'done');
  expect(ends.map((end) => end.type)).toEqual(['start', 'restart']);
});

test('a number that a new manager uses again for another unit tells nothing', () => {
  const jobs = new JobTable();
  const { ask: asked, gone } = ask('a.service');
  jobs.asking();
  jobs.accepted('/job/1', asked);
  expect(jobs.removed('/job/1', 'b.service', 'done')).toEqual([]);
  expect(gone).toEqual(['a.service']);
});

test('jobs that are gone without a word free their places', () => {
  const jobs = new JobTable();
  const { ask: asked, gone } = ask('a.service');
  jobs.asking();
  jobs.accepted('/job/1', asked);
  jobs.lost(jobs.paths());
  expect([jobs.size, gone]).toEqual([0, ['a.service']]);
});
