import { createLog } from './log.ts';

function collect(level: 'debug' | 'info' | 'warn' | 'error') {
  const lines: string[] = [];
  const log = createLog(level, { write: (line) => void lines.push(line) });
  return { log, lines: (): unknown[] => lines.map((line): unknown => JSON.parse(line)) };
}

test('a line is the fields, a time and a level that people can read', () => {
  const { log, lines } = collect('info');
  log.child({ component: 'agent' }).info({ unit: 'a.service' }, 'unit started');
  expect(lines()).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      component: 'agent',
      unit: 'a.service',
      msg: 'unit started',
    },
  ]);
});

test('what is below the level is not written', () => {
  const { log, lines } = collect('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.error({}, 'd');
  expect(lines()).toMatchObject([{ msg: 'c' }, { msg: 'd' }]);
});

test('another level is that of every part, of those that are there and of those to come', () => {
  const { log, lines } = collect('info');
  const agent = log.child({ component: 'agent' });
  const deep = agent.child({ unit: 'a.service' });
  log.setLevel('debug');
  for (const each of [log, agent, deep, log.child({ component: 'api' })]) each.debug({}, 'now');
  expect(lines()).toHaveLength(4);
  log.setLevel('error');
  for (const each of [log, agent, deep]) each.warn({}, 'no more');
  expect(lines()).toHaveLength(4);
});

test('an error is written with its causes, and numbers of any size are', () => {
  const { log, lines } = collect('info');
  const err = new Error('no answer', { cause: new Error('refused', { cause: new Error('deep') }) });
  log.error({ err, size: 18_446_744_073_709_551_615n }, 'pass failed');
  expect(lines()).toMatchObject([
    {
      err: {
        message: 'no answer',
        stack: expect.any(String),
        cause: { message: 'refused', cause: { message: 'deep' } },
      },
    },
  ]);
});

test('the names of classes, which the bundle shortens, are not written', () => {
  const { log, lines } = collect('info');
  const each = new TypeError('each', { cause: new RangeError('why') });
  log.error({ err: new AggregateError([each], 'all') }, 'failed');
  expect(lines()).toMatchObject([{ err: { aggregateErrors: [{ cause: { message: 'why' } }] } }]);
  expect(JSON.stringify(lines())).not.toContain('"type"');
});

test.each([['a word'], [null], [{ type: 'mine' }]])(
  '%j that was thrown is written as it is',
  (err) => {
    const { log, lines } = collect('info');
    log.error({ err }, 'failed');
    expect(lines()).toMatchObject([{ err }]);
  },
);
