/** What views are made of. */

import type { ComponentChildren, JSX, RefObject } from 'preact';
import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { type Change, Refusal } from './api';
import { nameOf, when, whole } from './format';
import { listen } from './live';
import { signal, useSignal } from './signal';

type Children = { children?: ComponentChildren };

/** What an answer is while it is not there, once it is, and when it does not come. */
export interface Loaded<T> {
  value?: T;
  error?: string;
  isLoading: boolean;
  /** Asks once more. */
  again: () => void;
}

/** Asks, and asks anew when one of `inputs` is another one. An answer that comes too late is dropped. */
export function useAnswer<T>(ask: () => Promise<T>, inputs: unknown[]): Loaded<T> {
  const [state, setState] = useState<{ value?: T; error?: string; isLoading: boolean }>({ isLoading: true });
  const latest = useRef(0);
  const again = useCallback(() => {
    const number = ++latest.current;
    setState((before) => ({ ...before, isLoading: true }));
    ask().then(
      (value) => number === latest.current && setState({ value, isLoading: false }),
      (error) =>
        number === latest.current && setState((before) => ({ ...before, error: text(error), isLoading: false })),
    );
  }, inputs);
  useEffect(() => {
    setState({ isLoading: true });
    again();
    return () => void latest.current++;
  }, [again]);
  return { ...state, again };
}

/** Calls at most once in so many milliseconds, and once more at their end if it was called meanwhile. */
export function useThrottled(work: () => void, ms: number) {
  const latest = useRef(work);
  latest.current = work;
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isWanted = useRef(false);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(() => {
    if (timer.current !== undefined) {
      isWanted.current = true;
      return;
    }
    const run = () => {
      isWanted.current = false;
      latest.current();
      timer.current = setTimeout(() => {
        timer.current = undefined;
        if (isWanted.current) run();
      }, ms);
    };
    run();
  }, [ms]);
}

/** Reads an answer again at most once in so many milliseconds, when a change is told that concerns it. */
export function useRefresh(again: () => void, ms: number, isConcerned: (change: Change) => boolean) {
  const refresh = useThrottled(again, ms);
  const latest = useRef(isConcerned);
  latest.current = isConcerned;
  useEffect(() => listen('change', (change) => void (latest.current(change) && refresh())), [refresh]);
}

/** Calls once in so many milliseconds, as long as `isOn`. */
export function useInterval(work: () => void, ms: number, isOn = true) {
  const latest = useRef(work);
  latest.current = work;
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => latest.current(), ms);
    return () => clearInterval(timer);
  }, [ms, isOn]);
}

export const text = (error: unknown) =>
  error instanceof Refusal || error instanceof Error ? error.message : 'Something went wrong.';

/** What is said at the edge of the page, and to screen readers. */
const said = signal<{ text: string; isBad: boolean } | undefined>(undefined);
let timer: ReturnType<typeof setTimeout>;

export function say(text: string, isBad = false) {
  said.set({ text, isBad });
  clearTimeout(timer);
  timer = setTimeout(() => said.set(undefined), isBad ? 8000 : 4000);
}

/** Does something and says how it went. */
export async function attempt(work: () => Promise<unknown>, done?: string) {
  try {
    await work();
    if (done) say(done);
    return true;
  } catch (error) {
    say(text(error), true);
    return false;
  }
}

export function Said() {
  const value = useSignal(said);
  return (
    <div class="said" role="status" aria-live="polite">
      {value && <div class={value.isBad ? 'toast bad' : 'toast'}>{value.text}</div>}
    </div>
  );
}

type ButtonProps = JSX.IntrinsicElements['button'] & { kind?: 'main' | 'plain' | 'danger'; isSmall?: boolean };

export function Button({ kind = 'plain', isSmall, class: more = '', ...rest }: ButtonProps) {
  return <button type="button" class={`button ${kind} ${isSmall ? 'small' : ''} ${more}`} {...rest} />;
}

export function Field({
  label,
  hint,
  children,
  isWide,
}: Children & { label: string; hint?: string; isWide?: boolean }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label class={isWide ? 'field wide' : 'field'}>
      <span class="label">{label}</span>
      {children}
      {hint && <span class="hint">{hint}</span>}
    </label>
  );
}

export function Pill({ tone, children }: Children & { tone: 'good' | 'bad' | 'warn' | 'calm' | 'accent' }) {
  return <span class={`pill ${tone}`}>{children}</span>;
}

export function Status({ status }: { status: number | null }) {
  const tone = status === null || status >= 500 ? 'bad' : status >= 400 ? 'warn' : status >= 300 ? 'calm' : 'good';
  return <Pill tone={tone}>{status ?? 'reset'}</Pill>;
}

export function Time({ value, isShort }: { value: string | null | undefined; isShort?: boolean }) {
  if (!value) return <span class="dim">–</span>;
  return (
    <time dateTime={value} title={whole(value)}>
      {isShort ? when(value) : whole(value)}
    </time>
  );
}

/** An id that can be copied. */
export function Id({ value, label }: { value: string; label?: string }) {
  const copy = () => attempt(() => navigator.clipboard.writeText(value), 'Copied.');
  return (
    <button type="button" class="id" onClick={copy} title="Copy" aria-label={`Copy ${label ?? 'id'} ${value}`}>
      <span>{value}</span>
      <Icon name="copy" />
    </button>
  );
}

const TONES = 8;

/** The first letters of a name, in a colour that follows from the id. Pictures are elsewhere, and not fetched. */
export function Avatar({
  user,
  isSmall,
}: {
  user: { user_id: string | null; display_name: string | null };
  isSmall?: boolean;
}) {
  const name = nameOf(user);
  let sum = 0;
  for (const letter of user.user_id ?? name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  const letters = [...name.trim()].slice(0, 1).join('').toUpperCase();
  return (
    <span class={`avatar tone-${sum % TONES} ${isSmall ? 'small' : ''}`} aria-hidden="true">
      {letters}
    </span>
  );
}

export function Empty({ title, children }: Children & { title: string }) {
  return (
    <div class="empty">
      <Icon name="empty" />
      <p class="title">{title}</p>
      {children && <div>{children}</div>}
    </div>
  );
}

export function Failed({ loaded }: { loaded: Pick<Loaded<unknown>, 'error' | 'again'> }) {
  if (!loaded.error) return null;
  return (
    <div class="failed" role="alert">
      <span>{loaded.error}</span>
      <Button isSmall onClick={loaded.again}>
        Try again
      </Button>
    </div>
  );
}

export function Panel({
  title,
  actions,
  children,
  class: more = '',
}: Children & { title?: string; actions?: ComponentChildren; class?: string }) {
  const id = useId();
  return (
    <section class={`panel ${more}`} aria-labelledby={title && id}>
      {(title || actions) && (
        <header>
          {title && <h2 id={id}>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export function Heading({ title, about, children }: Children & { title: string; about?: ComponentChildren }) {
  useEffect(() => {
    document.title = `${title} · Layer console`;
  }, [title]);
  return (
    <div class="heading">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {about && <p class="about">{about}</p>}
      </div>
      {children && <div class="actions">{children}</div>}
    </div>
  );
}

export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** A table that scrolls if it must, with rows as children. */
export function Table({ columns, hasActions, children }: Children & { columns: string[]; hasActions?: boolean }) {
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
            {hasActions && (
              <th scope="col">
                <span class="hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export function Code({ value, label }: { value: string; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be reached with the keyboard
    <pre class="code" tabIndex={0} role="region" aria-label={label}>
      {value}
    </pre>
  );
}

/** A dialog over the page; Escape closes it. */
export function Dialog({ title, onClose, children }: Children & { title: string; onClose: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => ref.current?.showModal(), []);
  return (
    <dialog ref={ref} onClose={onClose} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        <Button isSmall aria-label="Close" onClick={() => ref.current?.close()}>
          <Icon name="close" />
        </Button>
      </header>
      {children}
    </dialog>
  );
}

/** A button that asks whether one means it. */
export function Sure({
  label,
  question,
  run,
  isSmall,
}: {
  label: string;
  question: string;
  run: () => void;
  isSmall?: boolean;
}) {
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <Button kind="danger" isSmall={isSmall} onClick={() => setAsking(true)}>
        {label}
      </Button>
      {isAsking && (
        <Dialog title={label} onClose={() => setAsking(false)}>
          <p>{question}</p>
          <footer>
            <Button onClick={() => setAsking(false)}>Cancel</Button>
            <Button
              kind="danger"
              onClick={() => {
                setAsking(false);
                run();
              }}
            >
              {label}
            </Button>
          </footer>
        </Dialog>
      )}
    </>
  );
}

/** How many rows are drawn above and below what is seen. */
const BEYOND = 8;

interface ListProps<T> {
  items: T[];
  /** Unit: pixels. */
  rowHeight: number;
  label: string;
  keyOf: (item: T) => string | number;
  row: (item: T) => ComponentChildren;
  /** Asks for more, when the end comes near. */
  onEnd?: () => void;
  end?: ComponentChildren;
  scroller?: RefObject<HTMLDivElement>;
}

/** A list of which only those rows are drawn that are seen, however many there are. Arrows move between links in it. */
export function List<T>({ items, rowHeight, label, keyOf, row, onEnd, end, scroller }: ListProps<T>) {
  const own = useRef<HTMLDivElement>(null);
  const box = scroller ?? own;
  const [{ top, height }, setView] = useState({ top: 0, height: 800 });
  const look = useCallback(() => {
    const { scrollTop, clientHeight } = box.current ?? { scrollTop: 0, clientHeight: 0 };
    setView((before) =>
      before.top === scrollTop && before.height === clientHeight ? before : { top: scrollTop, height: clientHeight },
    );
  }, [box]);
  useLayoutEffect(() => {
    look();
    const observer = new ResizeObserver(look);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, [look, box]);
  const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND);
  const last = Math.min(items.length, Math.ceil((top + height) / rowHeight) + BEYOND);
  useEffect(() => {
    if (last >= items.length - BEYOND) onEnd?.();
  }, [last, items.length, onEnd]);
  const move = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const current = (event.target as Element).closest('li');
    if (!step || !current) return;
    const next = step > 0 ? current.nextElementSibling : current.previousElementSibling;
    const target = next?.querySelector<HTMLElement>('a, button');
    if (!target) return;
    event.preventDefault();
    target.focus();
    target.scrollIntoView({ block: 'nearest' });
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys are those of the links in it
    <div class="list" ref={box} onScroll={look} onKeyDown={move}>
      <ul aria-label={label} style={{ height: `${items.length * rowHeight}px` }}>
        {items.slice(first, last).map((item, index) => (
          <li
            key={keyOf(item)}
            style={{ height: `${rowHeight}px`, transform: `translateY(${(first + index) * rowHeight}px)` }}
            aria-setsize={items.length}
            aria-posinset={first + index + 1}
          >
            {row(item)}
          </li>
        ))}
      </ul>
      {end && <div class="end">{end}</div>}
    </div>
  );
}

/** Pages that come one after the other, as the end of their list comes near. */
export function usePages<T>(
  load: (from: string | undefined) => Promise<{ items: T[]; next: string | null; looked_at: number }>,
  inputs: unknown[],
) {
  const [state, setState] = useState<{ items: T[]; next?: string; isDone: boolean; error?: string; lookedAt: number }>({
    items: [],
    isDone: false,
    lookedAt: 0,
  });
  const run = useRef(0);
  const isBusy = useRef(false);
  const current = useRef(state);
  current.current = state;
  const more = useCallback(async () => {
    if (isBusy.current || current.current.isDone || current.current.error) return;
    isBusy.current = true;
    const number = run.current;
    let from = current.current.next;
    try {
      // A search may look far before it finds something.
      for (let isFound = false; !isFound; ) {
        const page = await load(from);
        if (number !== run.current) return;
        from = page.next ?? undefined;
        isFound = page.items.length > 0 || !from;
        setState((before) => ({
          items: before.items.concat(page.items),
          next: from,
          isDone: !from,
          lookedAt: before.lookedAt + page.looked_at,
        }));
      }
    } catch (error) {
      if (number === run.current) setState((before) => ({ ...before, error: text(error) }));
    } finally {
      if (number === run.current) isBusy.current = false;
    }
  }, inputs);
  const again = useCallback(() => {
    run.current += 1;
    isBusy.current = false;
    current.current = { items: [], isDone: false, lookedAt: 0 };
    setState(current.current);
    more();
  }, [more]);
  useEffect(again, [again]);
  return {
    ...state,
    more,
    again,
    setItems: (change: (items: T[]) => T[]) => setState((before) => ({ ...before, items: change(before.items) })),
  };
}

/** Whether something of a class of width fits. */
export function useMedia(query: string) {
  const [isSo, setSo] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const look = () => setSo(list.matches);
    look();
    list.addEventListener('change', look);
    return () => list.removeEventListener('change', look);
  }, [query]);
  return isSo;
}

const PATHS: Record<string, string> = {
  overview: 'M3 13h4l3-9 4 16 3-7h4',
  conversations: 'M4 5h16v11H9l-5 4z',
  messages: 'M4 6h16M4 12h10M4 18h13',
  users: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 4-6 8-6s8 2 8 6',
  webhooks: 'M9 7a3 3 0 1 1 4 3l3 5M15 17a3 3 0 1 0 0-1H9M8 11a3 3 0 1 0 1 5l3-6',
  exports: 'M12 3v12m-4-4 4 4 4-4M4 17v4h16v-4',
  traffic: 'M7 4v16m-3-3 3 3 3-3M17 20V4m-3 3 3-3 3 3',
  faults: 'M12 3 2 20h20zM12 10v4m0 3v.01',
  sockets: 'M9 3v5m6-5v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4',
  apps: 'M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z',
  copy: 'M8 8h11v12H8zM5 16V4h11',
  close: 'M6 6l12 12M18 6 6 18',
  menu: 'M4 6h16M4 12h16M4 18h16',
  back: 'M15 5l-7 7 7 7',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 4l13 8-13 8z',
  empty: 'M4 13l3-8h10l3 8v6H4zM4 13h5l1 2h4l1-2h5',
  send: 'M4 12 21 4l-7 17-3-7z',
};

export function Icon({ name }: { name: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
