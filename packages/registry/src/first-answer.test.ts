import { firstAnswer } from './first-answer.ts';

const never = (): Promise<string> => new Promise(() => undefined);
const says = (answer: string) => (): Promise<string> => Promise.resolve(answer);
const fails = (why: string) => (): Promise<string> => Promise.reject(new Error(why));

/** Long enough not to be over in a test. */
const longMs = 60_000;

test('the first is enough when it answers', async () => {
  const asked: number[] = [];
  const first = (): Promise<string> => {
    asked.push(0);
    return Promise.resolve('a');
  };
  const second = (): Promise<string> => {
    asked.push(1);
    return Promise.resolve('b');
  };
  expect(await firstAnswer([first, second], longMs)).toEqual({ answer: 'a', index: 0 });
  expect(asked).toEqual([0]);
});

test('one that fails is not waited for', async () => {
  const asked = firstAnswer([fails('gone'), says('b')], longMs);
  expect(await asked).toEqual({ answer: 'b', index: 1 });
});

test('one that hangs is waited for only a while', async () => {
  expect(await firstAnswer([never, never, says('c')], 5)).toEqual({ answer: 'c', index: 2 });
});

test('one that was given up may still answer first', async () => {
  let answer: (text: string) => void = () => undefined;
  const late = (): Promise<string> => new Promise((resolve) => (answer = resolve));
  const second = (): Promise<string> => {
    answer('late');
    return never();
  };
  expect(await firstAnswer([late, second], 5)).toEqual({ answer: 'late', index: 0 });
});

test('when all fail, the last error is thrown, also after one that was given up', async () => {
  let fail: (error: Error) => void = () => undefined;
  const late = (): Promise<string> => new Promise((_, reject) => (fail = reject));
  const second = async (): Promise<string> => {
    setTimeout(() => fail(new Error('late')), 5);
    throw new Error('second');
  };
  await expect(firstAnswer([late, second], 5)).rejects.toThrow('late');
});
