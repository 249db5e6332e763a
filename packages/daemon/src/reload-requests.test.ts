import { ReloadRequests } from './reload-requests.ts';

/** Reloads that end when they are told to. */
function pausedReload() {
  const ends: (() => void)[] = [];
  const reload = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
  const end = async (): Promise<void> => {
    ends.at(-1)?.();
    for (let i = 0; i < 5; i += 1) await Promise.resolve();
  };
  return { reload, end, begun: () => ends.length };
}

test('a request before there is a daemon is served when there is one', () => {
  const requests = new ReloadRequests();
  const { reload, begun } = pausedReload();
  requests.request();
  requests.request();
  expect(begun()).toBe(0);
  requests.serveWith(reload);
  expect(begun()).toBe(1);
});

test('without a request nothing is reloaded', () => {
  const requests = new ReloadRequests();
  const { reload, begun } = pausedReload();
  requests.serveWith(reload);
  expect(begun()).toBe(0);
});

test('however many come during a reload, one more is made after it', async () => {
  const requests = new ReloadRequests();
  const { reload, end, begun } = pausedReload();
  requests.serveWith(reload);
  for (let i = 0; i < 10; i += 1) requests.request();
  expect(begun()).toBe(1);
  await end();
  expect(begun()).toBe(2);
  await end();
  expect(begun()).toBe(2);
  requests.request();
  expect(begun()).toBe(3);
});

test('the end waits for the reload under way and makes no other', async () => {
  const requests = new ReloadRequests();
  const { reload, end, begun } = pausedReload();
  requests.serveWith(reload);
  requests.request();
  requests.request();
  let isOver = false;
  const over = requests.end().then(() => {
    isOver = true;
  });
  for (let i = 0; i < 5; i += 1) await Promise.resolve();
  expect(isOver).toBe(false);
  await end();
  await over;
  requests.request();
  expect(begun()).toBe(1);
});
