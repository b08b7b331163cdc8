/** What happens now: one stream for the whole console, which comes back by itself when it breaks off. */

import { type Change, fetchAdmin, isSignedIn, onSession, type Summary } from './api';
import { signal } from './signal';

type Handlers = {
  request: (request: Summary) => void;
  change: (change: Change) => void;
  missed: (missed: { kind: 'requests' | 'changes'; count?: number; is_replaced?: boolean }) => void;
};

const listeners: { [Name in keyof Handlers]: Set<Handlers[Name]> } = {
  request: new Set(),
  change: new Set(),
  missed: new Set(),
};

/** Whether the stream is open, and whether requests are recorded. */
export const status = signal({ isOpen: false, isRecording: true, isShared: false });

/** Hears of something; answers with what ends that. */
export function listen<Name extends keyof Handlers>(name: Name, handler: Handlers[Name]) {
  listeners[name].add(handler);
  return () => void listeners[name].delete(handler);
}

/** Longest pause before the stream is opened again. Unit: milliseconds. */
const LONGEST_PAUSE = 10_000;

let abort = new AbortController();

async function follow(signal: AbortSignal) {
  let pause = 250;
  while (!signal.aborted && isSignedIn()) {
    try {
      const response = await fetchAdmin('/events', { signal });
      pause = 250;
      // What happened before is not told again: views look once more.
      tell('missed', { kind: 'changes' });
      await read(response);
    } catch {
      // The platform stopped, or the network went: it is tried again.
    }
    status.set({ ...status.value, isOpen: false });
    if (signal.aborted) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

async function read(response: Response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: '' };
    if (done) return;
    text += value;
    const events = text.split('\n\n');
    text = events.pop() ?? '';
    for (const event of events) take(event);
  }
}

function take(event: string) {
  const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
  if (!name) return;
  const value = JSON.parse(data);
  if (name === 'ready') status.set({ isOpen: true, isRecording: value.is_recording, isShared: value.is_shared });
  else if (name in listeners) tell(name as keyof Handlers, value);
}

function tell<Name extends keyof Handlers>(name: Name, value: Parameters<Handlers[Name]>[0]) {
  for (const handler of listeners[name]) (handler as (value: unknown) => void)(value);
}

function restart() {
  abort.abort();
  abort = new AbortController();
  if (isSignedIn()) follow(abort.signal);
}

onSession(restart);
restart();
