/** Values as people read them. */

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
const SHORT = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const NUMBER = new Intl.NumberFormat();

/** The time of today, or the day and the time. */
export function when(time: string | number) {
  const date = new Date(time);
  const isToday = DAY.format(date) === DAY.format(new Date());
  return isToday ? TIME.format(date) : `${DAY.format(date)}, ${SHORT.format(date)}`;
}

/** The time of today, or the day. */
export function shortly(time: string) {
  const date = new Date(time);
  return DAY.format(date) === DAY.format(new Date()) ? SHORT.format(date) : DAY.format(date);
}

export const whole = (time: string) => `${DAY.format(new Date(time))}, ${TIME.format(new Date(time))}`;

export const count = (number: number) => NUMBER.format(number);

export function bytes(number: number) {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? number : number.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds. */
export function duration(ms: number) {
  if (ms === 0) return '0';
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.floor((ms % 3_600_000) / 60_000)} min`;
}

/** The last segment of an id. */
export const bare = (id: string) => decodeURIComponent(id.slice(id.lastIndexOf('/') + 1));

export const nameOf = (user: { user_id: string | null; display_name: string | null }) =>
  user.display_name || user.user_id || 'nobody';

/** JSON with indents, where it is JSON. */
export function pretty(text: string) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
