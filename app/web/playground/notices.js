// What happened to a stream: a restart, a connection that was cut, an error.

import { size } from './content.js';
import { element } from './element.js';
import { words } from './error_words.js';
import { counted } from './units.js';

export class Notices {
  #holder;
  #retry;
  #shown = null;
  #compare;

  /**
   * @param {HTMLElement} holder
   * @param {() => void} retry
   * @param {(attempt: any) => void} compare shows an attempt that has failed beside the answer
   */
  constructor(holder, retry, compare) {
    this.#holder = holder;
    this.#retry = retry;
    this.#compare = compare;
  }

  /** The page itself has failed. @param {{code: string, retryable: boolean}} error @param {() => void} retry */
  fail(error, retry) {
    this.#shown = null;
    this.#holder.replaceChildren(failed(error, retry));
  }

  /** What shows the attempt that has failed; null where nothing of it was seen. */
  #attempt(record) {
    const failed = record.attempts.at(-1);
    return failed?.state.value === undefined ? null : () => this.#compare(failed);
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
      record?.stopped,
      record?.servedBy,
    ]);
    if (now === this.#shown) return;
    this.#shown = now;
    const asides = [
      record?.phase === 'stopped' ? stopped(record) : null,
      record?.restart ? restarted(record.restart, this.#attempt(record)) : null,
      cuts.length ? connection(cuts.at(-1).kind, record.isOver) : null,
    ].filter(Boolean);
    this.#holder.replaceChildren(
      ...(error && !asides.length
        ? []
        : [element('div', { class: 'asides' }, ...(asides.length ? asides : [quiet(record)]))]),
      ...(error ? [failed(error, this.#retry)] : []),
    );
  }
}

function stopped({ stopped: milliseconds, state }) {
  const when = milliseconds === null ? '' : ` after ${Math.max(1, Math.round(milliseconds))} ms`;
  const what =
    state.value === undefined
      ? 'It had written nothing yet.'
      : `It had written ${counted(size(state.value), 'character')}.`;
  return element(
    'p',
    { class: 'notice', id: 'stopped' },
    `The model was stopped${when}. ${what} Nothing more is paid for.`,
  );
}

// One line, whose space is reserved from the start, so that nothing below it moves.

function quiet(record) {
  const text = record
    ? 'Waiting for an answer.'
    : 'Press Start: each field fills in where it belongs.';
  const by = record?.servedBy ? [' by ', element('code', {}, record.servedBy)] : [];
  const stream = record?.id ? ['Stream ', element('code', {}, record.id), ...by] : [text];
  return element('p', { class: 'hint' }, ...stream);
}

function restarted({ attempt, code, errors, model }, compare) {
  const next = model ? `${model} is asked now.` : 'the model was stopped and told what was wrong.';
  return aside(
    `Attempt ${attempt}: ${code}`,
    element('p', {}, `${words(code)[0]}: ${next}`),
    flaws(errors),
    compare
      ? element(
          'button',
          { type: 'button', onclick: compare },
          `Show attempt ${attempt - 1} beside`,
        )
      : null,
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
