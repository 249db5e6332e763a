import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { identifyProcess, isRunning } from './process-identity.ts';

test('a process is known by pid and start, and gone when it has ended', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', argv0: 'a) (name' });
  await once(child, 'spawn');
  const identity = await identifyProcess(child.pid ?? 0);
  expect(identity).toEqual({ pid: child.pid, startTicks: expect.any(Number) });
  if (identity === null) return;
  await expect(isRunning(identity)).resolves.toBe(true);
  const earlier = { ...identity, startTicks: identity.startTicks - 1 };
  await expect(isRunning(earlier)).resolves.toBe(false);
  child.kill('SIGKILL');
  await once(child, 'close');
  await expect(isRunning(identity)).resolves.toBe(false);
});
