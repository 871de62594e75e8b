// How a stream is sent: the model, the view, the pace, and a key if the service needs one.

import { byId, element } from './element.js';

const MODELS = {
  demo: 'Answers without a fault.',
  'demo-invalid': 'Violates the schema at first: see the restart.',
  'demo-invalid-late': 'Violates the schema near the end of a list: what is good stays.',
  'demo-always-invalid': 'Violates the schema, however often it is asked.',
  'demo-truncated': 'Stops in the middle, at its length limit.',
  'demo-truncated-list':
    'Stops after every three elements of a list: the service asks for the rest.',
  'demo-refusal': 'Refuses, in words.',
  'demo-filtered': 'Is stopped by a content filter.',
  'demo-stall': 'Falls silent in the middle. The service gives up after a while.',
  'demo-silent': 'Says nothing at all. The service gives up after a while.',
  'demo-drip': 'Gives signs of life and no content. The service gives up after a while.',
  'demo-blanks': 'Writes blanks for ever. The service gives up after a while.',
  'demo-disconnect': 'Breaks the connection, again and again.',
  'demo-garbage': "Sends what can't be read.",
  'demo-error': 'Sends an error in the middle.',
  'demo-overloaded': 'Says in the middle that it has too much to do.',
  'demo-no-tools': 'Takes no tools: the service asks by a schema.',
  'demo-no-forced-tool': 'Is not to be forced to a call: the service lets it choose.',
  'demo-no-parallel-tool-calls': 'Does not know parallel calls: the service leaves the field out.',
  'demo-no-strict': 'Takes neither tools nor strict schemas: the service finds another way.',
  'demo-no-json-schema': 'Takes neither tools nor schemas: the service asks in words.',
  'demo-no-references': 'Takes no references in a schema: the service does without.',
  'demo-no-stream-options': 'Does not tell its tokens: the service does not ask for them.',
  'demo-no-max-tokens': 'Knows the bound of its tokens by another name.',
  'demo-thinks': 'Reasons for some seconds, in a field of its own, before it answers.',
  'demo-thinks-in-details': 'Reasons, in the details that OpenRouter has for it.',
  'demo-thinks-in-parts': 'Reasons, in parts of its content.',
  'demo-thinks-in-tags': 'Reasons, in tags before its answer.',
  'demo-429': 'Has too much to do.',
  'demo-500': 'Is broken.',
  'demo-401': "Refuses the service's key.",
  'demo-down': 'Is down: the service asks the model without a fault instead.',
};
const VIEWS = {
  snapshot: 'Draws from whole values.',
  delta: 'Draws from what changes.',
  items: 'Draws each element once it is finished.',
};

export class Steering {
  #model = byId('model');
  #view = byId('view');
  #pace = byId('pace');
  #reasons = byId('reasons');
  #beside = byId('compare');
  #usual = ''; // the model that the schema is written by, where none is chosen
  #key = byId('key');
  #input = byId('key-input');

  /** @param {() => void} changed called when somebody has chosen */
  constructor(changed) {
    for (const control of [this.#model, this.#view, this.#pace, this.#reasons, this.#beside]) {
      control.addEventListener('change', () => {
        this.#explain();
        changed();
      });
    }
    this.#input.addEventListener('input', changed);
  }

  get model() {
    return this.#model.value;
  }

  get view() {
    return this.#view.value;
  }

  get interval() {
    return this.#pace.value;
  }

  get reasoning() {
    return this.#reasons.checked;
  }

  /** The model that is asked, too, and whose answer stands beside the first; "" for none. */
  get beside() {
    return this.#beside.value;
  }

  /** What is chosen, for a link. */
  get chosen() {
    return { ...Object.fromEntries(this.query), beside: this.beside };
  }

  /** Choose what a link says, as far as it is offered. @param {Record<string, string>} chosen */
  use({ model = '', view = 'delta', interval_ms: pace = '50', reasoning, beside = '' }) {
    if (!model) this.#model.value = this.#usual;
    const wanted = [
      [this.#model, model],
      [this.#view, view],
      [this.#pace, pace],
      [this.#beside, beside],
    ];
    for (const [select, value] of wanted) if (offers(select, value)) select.value = value;
    this.#reasons.checked = reasoning === 'true';
    this.#explain();
  }

  /** The headers of every call. The key is kept only in its input field. */
  get headers() {
    return this.#input.value ? { Authorization: `Bearer ${this.#input.value}` } : {};
  }

  /** The query of a request, without default values. @returns {[string, string][]} */
  get query() {
    const model = this.model || this.#usual;
    const reasoning = String(this.reasoning);
    const chosen = { view: this.view, interval_ms: this.interval, model, reasoning };
    const usual = { view: 'snapshot', interval_ms: '50', model: this.#usual, reasoning: 'false' };
    return Object.entries(chosen).filter(([name, value]) => value !== usual[name]);
  }

  /** @param {string[]} names */
  offerModels(names) {
    fill(this.#model, names, this.model || this.#usual);
    const none = element('option', { value: '' }, 'Nothing');
    this.#beside.replaceChildren(none, ...names.map(name => element('option', {}, name)));
    this.#explain();
  }

  /** The default model of another schema. It is taken, unless somebody has chosen one. */
  useModel(name) {
    if (this.model === this.#usual) this.#model.value = name;
    this.#usual = name;
    this.#explain();
  }

  /** @param {string[]} names */
  offerViews(names) {
    fill(this.#view, names, this.view || 'delta');
    this.#explain();
  }

  /** Ask for a key. */
  askForKey() {
    this.#key.hidden = false;
    this.#input.focus();
  }

  #explain() {
    byId('model-hint').textContent = MODELS[this.model] ?? '';
    const drawn =
      VIEWS[this.view] ?? 'For other front ends: the wire shows it, and the page draws from delta.';
    byId('view-hint').textContent = drawn;
  }
}

function offers(select, value) {
  return [...select.options].some(option => option.value === value);
}

function fill(select, names, chosen) {
  select.replaceChildren(...names.map(name => element('option', { value: name }, name)));
  if (names.includes(chosen)) select.value = chosen;
}
