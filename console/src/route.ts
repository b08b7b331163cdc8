/** Where the console is: what stands behind the `#` of its address, so that every view has a link. */

import { signal } from './signal';

export interface Route {
  /** The segments of the path, decoded. */
  path: string[];
  query: URLSearchParams;
}

function read(): Route {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decode), query: new URLSearchParams(query) };
}

function decode(segment: string) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const route = signal(read());

addEventListener('hashchange', () => route.set(read()));

/** A link to a view: its segments, and what is set of a query. */
export function link(path: (string | number)[], query: Record<string, string | undefined> = {}) {
  const set = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(set).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text && `?${text}`}`;
}

/** Goes to a view. */
export function go(to: string) {
  location.hash = to;
}

/** The same, without a way back to where one was. */
export function replace(to: string) {
  history.replaceState(null, '', to);
  route.set(read());
}

/** Changes the query of where one is, wherever that is by now: of what is set, the rest stays. */
export function refine(changes: Record<string, string>) {
  const { path, query } = route.value;
  replace(link(path, { ...Object.fromEntries(query), ...changes }));
}
