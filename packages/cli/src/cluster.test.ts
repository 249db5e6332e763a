import { useCliCluster } from './testing/cli-cluster.ts';
import type { Ended } from './testing/cli-cluster.ts';

const cli = useCliCluster();
const musterctl = (...args: string[]): Promise<Ended> => cli().musterctl(...args);

test('what holds for the whole cluster is shown, set, and set back', async () => {
  const said = (out: string): Ended => ({ status: 0, out: `${out}\n`, err: '' });
  expect(await musterctl('cluster')).toEqual(
    said('placement=spread rebalance=manual (as nobody has set otherwise)'),
  );
  const packed = said('placement=pack rebalance=manual (set by tester@box)');
  expect(await musterctl('cluster', 'set', 'placement=pack')).toEqual(packed);
  expect(await musterctl('cluster', 'show')).toEqual(packed);
  expect((await musterctl('status')).out).toContain('  Placement: pack, set by tester@box\n');
  expect((await musterctl('cluster', 'set', 'rebalance=auto')).out).toBe(
    'placement=pack rebalance=auto (set by tester@box)\n',
  );
  const { out } = await musterctl('cluster', 'set', 'placement=spread', '-o', 'json');
  expect(JSON.parse(out)).toMatchObject({ placement: 'spread', origin: { by: 'tester@box' } });
});

test.each(['placement=tight', 'rebalance=always', 'pack', 'placement=', 'ttl=8'])(
  '%s is refused',
  async (pair) => {
    expect(await musterctl('cluster', 'set', pair)).toEqual({
      status: 2,
      out: '',
      err: `error: "${pair}" is none of placement=spread, placement=pack, rebalance=manual, rebalance=auto\n`,
    });
    expect((await musterctl('cluster')).out).toMatch(/^placement=spread /);
  },
);
