import { VirtualClock } from '../../core/src/testing/virtual-clock.ts';
import { Alarm } from './alarm.ts';

function setUp() {
  const clock = new VirtualClock();
  const over = new AbortController();
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => rings.push(clock.monotonic()), over.signal);
  return { clock, over, rings, alarm };
}

test('it rings once, at the time that was set last', async () => {
  const { clock, rings, alarm } = setUp();
  alarm.set(500);
  alarm.set(900);
  alarm.set(900);
  await clock.advance(2_000);
  expect(rings).toEqual([900]);
  alarm.set(1_000);
  await clock.advance(0);
  expect(rings).toEqual([900, 2_000]);
});

test('it does not ring when it was called off, or when everything is over', async () => {
  const { clock, over, rings, alarm } = setUp();
  alarm.set(500);
  alarm.set(null);
  await clock.advance(1_000);
  alarm.set(1_500);
  over.abort();
  await clock.advance(1_000);
  alarm.set(4_000);
  await clock.advance(4_000);
  expect(rings).toEqual([]);
});
