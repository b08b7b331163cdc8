/** A value that components follow. */

import { useEffect, useState } from 'preact/hooks';

export interface Signal<T> {
  readonly value: T;
  set(value: T): void;
  listen(listener: () => void): () => void;
}

export function signal<T>(value: T): Signal<T> {
  const listeners = new Set<() => void>();
  return {
    get value() {
      return value;
    },
    set(next) {
      value = next;
      for (const listener of listeners) listener();
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The value, now and whenever it changes. */
export function useSignal<T>(signal: Signal<T>): T {
  const [value, setValue] = useState(signal.value);
  useEffect(() => {
    setValue(signal.value);
    return signal.listen(() => setValue(signal.value));
  }, [signal]);
  return value;
}
