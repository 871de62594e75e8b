// The model's text at a moment of a finished stream, beside the typed value that was shown then: what
// was written already and held back, and why. The text is put together from the final value, and the
// page says so (in index.html): the service sends values, not what the model wrote.

import { byId, element } from './element.js';
import { resolve } from './shape.js';
import { kind } from './written.js';

const BEFORE = 160; // characters that are shown before what is held back

export class Manuscript {
  #element = byId('manuscript');
  #text = byId('manuscript-text');
  #why = byId('manuscript-why');

  /** @param {any} root the result's schema @param {any} final the final value @param {any} now @param {any} next */
  show(root, final, now, next) {
    this.#element.hidden = false;
    const { text, leaves } = written(final);
    const from = reached(leaves, now);
    const to = Math.max(from, reached(leaves, next));
    const start = Math.max(0, from - BEFORE);
    this.#text.replaceChildren(
      `${start ? '…' : ''}${text.slice(start, from)}`,
      element('mark', {}, text.slice(from, to)),
    );
    this.#text.scrollTop = this.#text.scrollHeight; // the mark is seen, however narrow the page is
    this.#why.textContent = why(root, leaves, from, to);
  }

  hide() {
    this.#element.hidden = true;
  }
}

/** A value as JSON, and where each of its scalars begins and ends in it. */
function written(value) {
  const leaves = [];
  let text = '';
  const write = (part, path) => {
    if (part === null || typeof part !== 'object') {
      const start = text.length;
      text += JSON.stringify(part ?? null);
      leaves.push({ path, value: part, start, end: text.length });
      return;
    }
    const isList = Array.isArray(part);
    text += isList ? '[' : '{';
    Object.entries(part).forEach(([key, inner], index) => {
      if (index) text += ', ';
      if (!isList) text += `${JSON.stringify(key)}: `;
      write(inner, [...path, isList ? index : key]);
    });
    text += isList ? ']' : '}';
  };
  write(value, []);
  return { text, leaves };
}

/** How far a text had come when this was the value. */
function reached(leaves, now) {
  let end = 0;
  for (const leaf of leaves) {
    const known = leaf.path.reduce((at, key) => at?.[key], now);
    if (known === leaf.value && known !== undefined) end = leaf.end;
    else if (typeof known === 'string' && typeof leaf.value === 'string')
      return leaf.start + JSON.stringify(known).length - 1;
    else break;
  }
  return end;
}

function why(root, leaves, from, to) {
  const open = leaves.find(({ end }) => end > from);
  if (!open || from === to) return 'All that was written is shown.';
  const schema = schemaAt(root, open.path);
  const held = kind(schema);
  return held
    ? `What is marked is held back: ${held} is shown once it is complete and valid, as half of it would be wrong.`
    : 'What is marked comes with the next message: a text is shown while it grows.';
}

function schemaAt(root, path) {
  return path.reduce(
    (schema, key) => {
      const inner = typeof key === 'number' ? schema.items : schema.properties?.[key];
      return resolve(root, inner ?? {});
    },
    resolve(root, root),
  );
}
