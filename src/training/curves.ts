// Geometry of a small line chart, and the chart as an SVG text. The editor draws the same geometry itself.
import { clockTime, type Picture, type Series } from "./picture.ts";

interface Line {
  readonly name: string;
  /** "x,y x,y …" for a polyline. */
  readonly points: string;
  readonly last: { readonly x: number; readonly y: number; readonly value: number };
}
interface Chart {
  readonly width: number;
  readonly height: number;
  readonly lines: readonly Line[];
  /** Labels at their height, and at their place below. */
  readonly yTicks: readonly { readonly y: number; readonly text: string }[];
  readonly xTicks: readonly { readonly x: number; readonly text: string }[];
}

const margin = { left: 40, right: 8, top: 8, bottom: 18 } as const;

export function chart(series: readonly Series[], width: number, height: number): Chart {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return { width, height, lines: [], yTicks: [], xTicks: [] };
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const [x0, x1] = spread(Math.min(...xs), Math.max(...xs));
  const [y0, y1] = spread(Math.min(...ys), Math.max(...ys));
  const at = (x: number): number => round(margin.left + ((x - x0) / (x1 - x0)) * (width - margin.left - margin.right));
  const up = (y: number): number => round(height - margin.bottom - ((y - y0) / (y1 - y0)) * (height - margin.top - margin.bottom));
  return {
    width,
    height,
    lines: series
      .filter((one) => one.points.length > 0)
      .map(({ name, points }) => {
        const { x, y } = points.at(-1)!;
        return { name, points: points.map((point) => `${at(point.x)},${up(point.y)}`).join(" "), last: { x: at(x), y: up(y), value: y } };
      }),
    yTicks: [y0, (y0 + y1) / 2, y1].map((value) => ({ y: up(value), text: value.toFixed(y1 - y0 < 10 ? 2 : 0) })),
    xTicks: [x0, x1].map((value) => ({ x: at(value), text: clockTime(value) })),
  };
}

/** A range that is never empty. */
function spread(low: number, high: number): readonly [number, number] {
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

const round = (value: number): number => Math.round(value * 10) / 10;

/** Colours that can be told apart, also without red and green. */
const colours = ["#0072b2", "#e69f00", "#009e73", "#cc79a7"];
const escaped = (text: string): string => text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);

/** Loss and held-out recall of a run, one above the other: a picture to keep beside the run's log. */
export function curvesSvg(picture: Picture, title: string): string {
  const [width, height] = [640, 200];
  const block = (caption: string, series: readonly Series[], top: number): string => {
    const drawn = chart(series, width, height);
    return `<g transform="translate(0 ${top})"><text x="${margin.left}" y="12" font-weight="bold">${escaped(caption)}</text>${drawn.lines
      .map(({ name, last }, i) => `<text x="${margin.left + 140 + i * 155}" y="12" fill="${colours[i % colours.length]}">${escaped(name)} ${last.value.toFixed(3)}</text>`)
      .join("")}<g transform="translate(0 16)">${drawn.yTicks.map(({ y, text }) => `<line x1="${margin.left}" x2="${width - margin.right}" y1="${y}" y2="${y}" stroke="#ddd"/><text x="${margin.left - 4}" y="${y + 4}" text-anchor="end">${text}</text>`).join("")}${drawn.xTicks
      .map(({ x, text }, i) => `<text x="${x}" y="${height - 4}" text-anchor="${i === 0 ? "start" : "end"}">${text}</text>`)
      .join("")}${drawn.lines.map(({ points, last }, i) => `<polyline points="${points}" fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.6"/><circle cx="${last.x}" cy="${last.y}" r="2.4" fill="${colours[i % colours.length]}"/>`).join("")}</g></g>`;
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${2 * height + 70}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/><text x="${margin.left}" y="16" font-size="13">${escaped(title)}</text>${block("Held-out recall@10", picture.recall, 24)}${block("Loss", picture.loss, height + 48)}</svg>\n`;
}
