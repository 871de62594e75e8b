// `eventsource-parser`, strict: anything that is not to the letter ends it in an error.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { given, report, words } from './report.mjs';

const { url, headers } = given();

const events = [];
const comments = [];
const retries = [];
let error = null;
try {
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } });
  const parser = new EventSourceParserStream({
    onError: 'terminate',
    onComment: comment => comments.push(comment),
    onRetry: retry => retries.push(retry),
  });
  for await (const { event, data, id } of response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(parser)) {
    events.push({ event: event ?? null, data, id: id ?? null });
  }
} catch (failure) {
  error = words(failure);
}
report({ events, comments, retries, error });
