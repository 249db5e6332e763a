import { spawn } from 'node:child_process';
import { endSsh, SshStream } from './ssh-stream.ts';

test('an ssh that could not be started is sent no signal, which might reach all of us', async () => {
  const child = spawn('/nonexistent/ssh', { stdio: ['pipe', 'pipe', 'pipe'] });
  const kill = jest.fn(() => true);
  child.kill = kill;
  const stream = new SshStream(child, { skipTo: null });
  endSsh(child);
  stream.destroy();
  await new Promise((resolve) => child.once('close', resolve));
  expect(kill).not.toHaveBeenCalled();
});
