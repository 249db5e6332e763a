/** One line of a diagram. */
export interface Series {
  readonly label: string;
  /** x above 0; y in the diagram's unit. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Diagram {
  readonly title: string;
  readonly unit: string;
  readonly series: readonly Series[];
  /** A line across, such as a target; absent: none. */
  readonly limit?: number;
}

const panel = { width: 360, height: 240 };
const margin = { top: 34, right: 16, bottom: 36, left: 52 };
const columns = 2;
const colours = ['#1f6feb', '#d1495b', '#2a9d4a'];

/**
 * Diagrams beside and below each other as one SVG, the x axis logarithmic and the y axis from 0.
 * @param xLabel - what x counts
 */
export function renderPlot(diagrams: readonly Diagram[], xLabel: string): string {
  const rows = Math.ceil(diagrams.length / columns);
  const width = columns * panel.width;
  const height = rows * panel.height;
  const panels = diagrams.map((diagram, i) => {
    const x = (i % columns) * panel.width;
    const y = Math.floor(i / columns) * panel.height;
    return `<g transform="translate(${x} ${y})">\n${renderPanel(diagram, xLabel)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11" fill="#333">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...panels,
    '</svg>\n',
  ].join('\n');
}

function renderPanel({ title, unit, series, limit }: Diagram, xLabel: string): string {
  const points = series.flatMap((one) => one.points);
  const xs = [...new Set(points.map(([x]) => x))].sort((a, b) => a - b);
  const top = niceCeiling(Math.max(...points.map(([, y]) => y), limit ?? 0));
  const scale = scaleOf(xs, top);
  const left = margin.left;
  const right = panel.width - margin.right;
  const bottom = panel.height - margin.bottom;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((part) => [
    line([left, scale.y(part * top)], [right, scale.y(part * top)], '#ddd'),
    text([left - 6, scale.y(part * top) + 4], shortNumber(part * top), 'end'),
  ]);
  const ticks = xs.flatMap((x) => text([scale.x(x), bottom + 15], shortNumber(x), 'middle'));
  const limitLine =
    limit === undefined
      ? []
      : [line([left, scale.y(limit)], [right, scale.y(limit)], '#888', '4 3')];
  return [
    text([left, 16], `${title} (${unit})`, 'start', 'font-weight="bold"'),
    ...grid,
    ...ticks,
    text([right, bottom + 30], xLabel, 'end'),
    ...limitLine,
    ...series.flatMap((one, i) => renderSeries(one, { scale, index: i })),
  ].join('\n');
}

interface Scale {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
}

function scaleOf(xs: readonly number[], top: number): Scale {
  const from = Math.log10(xs[0] ?? 1);
  const to = Math.log10(xs.at(-1) ?? 10);
  const width = panel.width - margin.left - margin.right;
  const height = panel.height - margin.top - margin.bottom;
  return {
    x: (value) =>
      margin.left + (to === from ? 0.5 : (Math.log10(value) - from) / (to - from)) * width,
    y: (value) => margin.top + (1 - value / top) * height,
  };
}

function renderSeries(
  { label, points }: Series,
  { scale, index }: { readonly scale: Scale; readonly index: number },
): string[] {
  const colour = colours[index % colours.length] ?? '#333';
  const at = points.map(([x, y]) => `${round(scale.x(x))},${round(scale.y(y))}`);
  const dots = at.map((point) => {
    const [x, y] = point.split(',');
    return `<circle cx="${x}" cy="${y}" r="3" fill="${colour}"/>`;
  });
  return [
    `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...dots,
    text([margin.left + 8, margin.top + 12 + 14 * index], label, 'start', `fill="${colour}"`),
  ];
}

function line(
  [x1, y1]: readonly [number, number],
  [x2, y2]: readonly [number, number],
  colour: string,
  dashes = '',
): string {
  const dashed = dashes === '' ? '' : ` stroke-dasharray="${dashes}"`;
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" stroke="${colour}"${dashed}/>`;
}

function text(
  [x, y]: readonly [number, number],
  content: string,
  anchor: 'start' | 'middle' | 'end',
  more = '',
): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}"${more === '' ? '' : ` ${more}`}>${escaped}</text>`;
}

/** The next of 1, 2, 4, 5, 8, 10 times a power of ten. */
function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 4, 5, 8, 10].find((step) => step * power >= value) ?? 10);
}

function shortNumber(value: number): string {
  return value >= 1000
    ? `${Number((value / 1000).toPrecision(3))}k`
    : String(Number(value.toPrecision(3)));
}

function round(value: number): string {
  return value.toFixed(1);
}
