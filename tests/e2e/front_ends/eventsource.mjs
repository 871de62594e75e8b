// `EventSource` of the package `eventsource`, closed at the stream's own end, as a page does.
// `lost`: how often the connection was lost before that (it comes back by itself).
import { EventSource } from 'eventsource';
import { given, report } from './report.mjs';

const { url, headers } = given();
const NAMES = ['start', 'message', 'patch', 'item', 'restart', 'usage', 'done', 'error'];

const events = [];
let lost = 0;
const source = new EventSource(url, {
  fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
});
const ended = await new Promise(resolve => {
  for (const name of NAMES) {
    source.addEventListener(name, event => {
      if (event.data === undefined) {
        lost += 1; // the connection's own `error`
        if (source.readyState === EventSource.CLOSED) resolve(event.code ?? null);
        return;
      }
      events.push({ event: name, data: JSON.parse(event.data), id: event.lastEventId });
      if (name === 'done' || name === 'error') resolve(name);
    });
  }
});
source.close();
report({ events, ended, lost });
