// What happened to a stream: a restart, a connection that was cut, an error.

import { element } from './element.js';
import { words } from './error_words.js';

export class Notices {
  #holder;
  #retry;
  #shown = null;

  /** @param {HTMLElement} holder @param {() => void} retry */
  constructor(holder, retry) {
    this.#holder = holder;
    this.#retry = retry;
  }

  /** The page itself has failed. @param {{code: string, retryable: boolean}} error @param {() => void} retry */
  fail(error, retry) {
    this.#shown = null;
    this.#holder.replaceChildren(failed(error, retry));
  }

  /** @param {import("./record.js").Record|null} record */
  show(record) {
    const cuts = record?.history.marks.filter(mark => mark.kind !== 'restart') ?? [];
    const error = record?.error ?? null;
    const now = JSON.stringify([
      record?.id,
      record?.restart,
      cuts.at(-1),
      error?.code,
      record?.isOver,
    ]);
    if (now === this.#shown) return;
    this.#shown = now;
    const asides = [
      record?.restart ? restarted(record.restart) : null,
      cuts.length ? connection(cuts.at(-1).kind, record.isOver) : null,
    ].filter(Boolean);
    this.#holder.replaceChildren(
      element('div', { class: 'asides' }, ...(asides.length ? asides : [quiet(record)])),
      ...(error ? [failed(error, this.#retry)] : []),
    );
  }
}

// One line, whose space is reserved from the start, so that nothing below it moves.

function quiet(record) {
  const text = record
    ? 'Waiting for an answer.'
    : 'Press Start: each field fills in where it belongs.';
  const stream = record?.id ? ['Stream ', element('code', {}, record.id)] : [text];
  return element('p', { class: 'hint' }, ...(record?.error ? [] : stream));
}

function restarted({ attempt, code, errors, model }) {
  const next = model ? `${model} is asked now.` : 'the model was stopped and told what was wrong.';
  return aside(
    `Attempt ${attempt}: ${code}`,
    element('p', {}, `${words(code)[0]}: ${next}`),
    flaws(errors),
  );
}

function connection(kind, isOver) {
  if (kind === 'back') {
    return aside(
      'Cut off, and back',
      element(
        'p',
        {},
        'It came back by itself, and went on where it was. Nothing was generated twice.',
      ),
    );
  }
  const away = isOver ? 'It did not come back.' : 'The client is coming back by itself.';
  return aside('Cut off', element('p', {}, away));
}

function aside(title, ...more) {
  return element('details', { class: 'notice' }, element('summary', {}, title), ...more);
}

function failed(error, retry) {
  const [title, meaning] = words(error.code);
  const facts = {
    Code: error.code,
    Status: error.status,
    Request: error.requestId,
    'Try again': error.retryable ? later(error.retryAfter) : 'no use',
  };
  const rows = Object.entries(facts)
    .filter(([, value]) => value)
    .map(([name, value]) =>
      element(
        'div',
        { class: 'fact' },
        element('dt', {}, name),
        element('dd', {}, element('code', {}, value)),
      ),
    );
  return element(
    'div',
    { class: 'notice error', id: 'error' },
    element('h3', {}, title),
    element('p', {}, meaning ?? error.message),
    flaws(error.errors),
    element('dl', { class: 'facts' }, ...rows),
    error.retryable ? element('button', { type: 'button', onclick: retry }, 'Retry') : null,
  );
}

function later(retryAfter) {
  return retryAfter ? `after ${Math.ceil(retryAfter)} s` : 'may help';
}

function flaws(errors) {
  if (!errors?.length) return null;
  return element(
    'ul',
    {},
    ...errors.map(({ path, message }) =>
      element('li', {}, element('code', {}, path || 'all of it'), ` ${message}`),
    ),
  );
}
