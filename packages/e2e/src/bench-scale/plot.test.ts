import { renderPlot } from './plot.ts';

const diagram = {
  title: 'a < b',
  unit: 'ms',
  limit: 50,
  series: [
    {
      label: 'p50',
      points: [
        [10, 0],
        [100, 50],
        [1000, 100],
      ] as const,
    },
  ],
};

function pointsOf(svg: string): number[][] {
  const [, list = ''] = /<polyline points="([^"]*)"/.exec(svg) ?? [];
  return list.split(' ').map((point) => point.split(',').map(Number));
}

test('equal factors are equal steps to the right, and the y axis begins at 0', () => {
  const [a, b, c] = pointsOf(renderPlot([diagram], 'machines'));
  const steps = [(b?.[0] ?? 0) - (a?.[0] ?? 0), (c?.[0] ?? 0) - (b?.[0] ?? 0)];
  expect(steps[0]).toBeGreaterThan(0);
  expect(steps[1]).toBeCloseTo(steps[0] ?? 0);
  const heights = [(a?.[1] ?? 0) - (b?.[1] ?? 0), (b?.[1] ?? 0) - (c?.[1] ?? 0)];
  expect(heights[0]).toBeGreaterThan(0);
  expect(heights[1]).toBeCloseTo(heights[0] ?? 0);
});

test('each diagram has its place, title, ticks and limit', () => {
  const svg = renderPlot([diagram, diagram, diagram], 'machines');
  expect(svg).toContain('a &lt; b (ms)');
  expect(svg.match(/<g transform="[^"]*"/g)).toEqual([
    '<g transform="translate(0 0)"',
    '<g transform="translate(360 0)"',
    '<g transform="translate(0 240)"',
  ]);
  expect(svg).toContain('>1k</text>');
  expect(svg.match(/stroke-dasharray/g)).toHaveLength(3);
});

test('a single size and a figure of 0 can be drawn', () => {
  const flat = { title: 't', unit: 's', series: [{ label: 'l', points: [[5, 0]] as const }] };
  expect(renderPlot([flat], 'machines')).not.toMatch(/NaN|Infinity/);
});
