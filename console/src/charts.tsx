/** Charts of the last hour, drawn as SVG. */

import { useId, useState } from 'preact/hooks';
import type { Charts, Slot } from './api';
import { count, duration } from './format';

const WIDTH = 640;
const HEIGHT = 170;
const LEFT = 72;
const BOTTOM = 22;
const TOP = 10;

export interface Series {
  name: string;
  tone: string;
  /** How lines of it are told apart without colour. */
  dash?: string;
  of: (slot: Slot) => number;
}

interface Props {
  title: string;
  charts: Charts;
  series: Series[];
  /** Whether the series lie on top of each other, as areas. */
  isStacked?: boolean;
  show: (value: number) => string;
}

/** A round number of at least this. */
export function roundUp(value: number) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((round) => round >= value) ?? 10 * power;
}

/** A slot for each time of the hour; what nothing happened in has none of its own. */
function everySlot({ slots, seconds_per_slot }: Charts): (Slot | undefined)[] {
  const length = 3600 / seconds_per_slot;
  const all: (Slot | undefined)[] = Array(length).fill(undefined);
  for (const slot of slots) {
    const place = length - 1 - Math.floor(slot.seconds_ago / seconds_per_slot);
    if (place >= 0) all[place] = slot;
  }
  return all;
}

export function Chart({ title, charts, series, isStacked, show }: Props) {
  const id = useId();
  const [place, setPlace] = useState<number>();
  const slots = everySlot(charts);
  const amountOf = (slot: Slot | undefined, index: number) => (slot ? series[index].of(slot) : 0);
  const heights = slots.map((slot) => {
    const values = series.map((_, index) => amountOf(slot, index));
    return isStacked ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  });
  const most = roundUp(Math.max(...heights));
  const x = (index: number) => LEFT + (index / (slots.length - 1)) * (WIDTH - LEFT - 6);
  const y = (value: number) => HEIGHT - BOTTOM - (value / most) * (HEIGHT - BOTTOM - TOP);
  const shapes = series.map((one, index) => {
    // What lies under it, where they are stacked.
    const below = (slot: Slot | undefined) =>
      isStacked ? series.slice(0, index).reduce((sum, _, under) => sum + amountOf(slot, under), 0) : 0;
    const point = (slot: Slot | undefined, place: number, value: number) =>
      `${x(place).toFixed(1)} ${y(value + below(slot)).toFixed(1)}`;
    const line = slots.map((slot, place) => point(slot, place, amountOf(slot, index))).join('L');
    const floor = slots
      .map((slot, place) => point(slot, place, 0))
      .reverse()
      .join('L');
    const isEmpty = slots.every((slot) => amountOf(slot, index) === 0);
    return { ...one, isEmpty, line: `M${line}`, area: `M${line}L${floor}Z` };
  });
  const follow = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDTH;
    const index = Math.round(((at - LEFT) / (WIDTH - LEFT - 6)) * (slots.length - 1));
    setPlace(Math.max(0, Math.min(slots.length - 1, index)));
  };
  const latest = slots.findLastIndex((slot) => slot);
  const seen = place ?? latest;
  const slot = seen >= 0 ? slots[seen] : undefined;
  const ago = Math.round(((slots.length - 1 - Math.max(seen, 0)) * charts.seconds_per_slot) / 60);
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption>
        <span id={id} class="title">
          {title}
        </span>
        <span class="legend">
          {series.map((one, index) => (
            <span key={one.name}>
              <svg class="key" viewBox="0 0 18 8" aria-hidden="true">
                <path d="M0 4H18" class={`line ${one.tone}`} stroke-dasharray={one.dash} />
              </svg>
              {one.name} <b>{show(amountOf(slot, index))}</b>
            </span>
          ))}
          <span class="dim">{place === undefined ? 'latest' : ago === 0 ? 'now' : `${ago} min ago`}</span>
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        onPointerMove={follow}
        onPointerLeave={() => setPlace(undefined)}
        role="img"
        aria-label={`${title}, over the last hour; at most ${show(Math.max(...heights))}`}
      >
        {[0, 0.5, 1].map((part) => (
          <g key={part}>
            <path d={`M${LEFT} ${y(most * part)}H${WIDTH - 6}`} class="grid" />
            <text x={LEFT - 6} y={y(most * part) + 4} text-anchor="end">
              {show(most * part)}
            </text>
          </g>
        ))}
        {[60, 45, 30, 15, 0].map((minutes) => (
          <text
            key={minutes}
            x={x((slots.length - 1) * (1 - minutes / 60))}
            y={HEIGHT - 6}
            text-anchor={minutes === 60 ? 'start' : minutes === 0 ? 'end' : 'middle'}
          >
            {minutes === 0 ? 'now' : `−${minutes} min`}
          </text>
        ))}
        {shapes
          .filter(({ isEmpty }) => !isEmpty)
          .map((shape) => (
            <g key={shape.name}>
              {isStacked && <path d={shape.area} class={`area ${shape.tone}`} />}
              <path d={shape.line} class={`line ${shape.tone}`} stroke-dasharray={shape.dash} />
            </g>
          ))}
        {place !== undefined && <path d={`M${x(place)} ${TOP}V${HEIGHT - BOTTOM}`} class="cursor" />}
      </svg>
    </figure>
  );
}

const asNumber = (value: number) =>
  value >= 1000 ? `${count(Math.round(value / 100) / 10)} k` : count(Math.round(value * 10) / 10);

export function HourCharts({ charts }: { charts: Charts }) {
  const fine = (slot: Slot) => slot.requests - slot.client_errors - slot.server_errors;
  return (
    <div class="charts">
      <Chart
        title="Requests in ten seconds"
        charts={charts}
        isStacked
        show={asNumber}
        series={[
          { name: 'fine', tone: 'good', of: fine },
          { name: '4xx', tone: 'warn', dash: '4 3', of: (slot) => slot.client_errors },
          { name: '5xx', tone: 'bad', dash: '1 3', of: (slot) => slot.server_errors },
        ]}
      />
      <Chart
        title="Time to answer"
        charts={charts}
        show={duration}
        series={[
          { name: 'p50', tone: 'accent', of: (slot) => slot.p50_ms },
          { name: 'p99', tone: 'second', dash: '5 3', of: (slot) => slot.p99_ms },
        ]}
      />
      <Chart
        title="Requests under way"
        charts={charts}
        show={asNumber}
        series={[{ name: 'at most', tone: 'accent', of: (slot) => slot.most_under_way }]}
      />
      <Chart
        title="Waiting for the store"
        charts={charts}
        show={asNumber}
        series={[
          { name: 'writes', tone: 'accent', of: (slot) => slot.most_waiting_writes },
          { name: 'reads', tone: 'second', dash: '5 3', of: (slot) => slot.most_waiting_reads },
        ]}
      />
    </div>
  );
}
