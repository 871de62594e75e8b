// The playground: choose a schema, fill in its form, watch the answer take shape.
//
//     form, steering ─ request ─▶ run ─ states, bytes ─▶ record ─▶ result, figures, wire, …
//                                  │
//                    ../client (clients/js): reads the stream, comes back, stops it
//
// A run writes into a record, and all that is shown is drawn from the record, once a frame.

import { Announcer } from './announcer.js';
import { Code } from './code.js';
import { Costs } from './costs.js';
import { byId } from './element.js';
import { Figures } from './figures.js';
import { Form } from './form.js';
import { Notices } from './notices.js';
import { Reasoning } from './reasoning.js';
import { Record } from './record.js';
import { Result } from './result.js';
import { Run } from './run.js';
import { Schemas } from './schemas.js';
import { address, Service } from './service.js';
import { lanes, resolve } from './shape.js';
import * as snippets from './snippets.js';
import { Steering } from './steering.js';
import { Tabs } from './tabs.js';
import { Timeline } from './timeline.js';
import { Wire } from './wire.js';

const PHASES = {
  ready: 'Ready',
  waiting: 'Waiting',
  reasoning: 'Reasoning',
  writing: 'Writing',
  lost: 'Coming back',
  done: 'Done',
  stopped: 'Stopped',
  failed: 'Failed',
};

const steering = new Steering(edited);
const service = new Service(() => steering.headers);
const schemas = new Schemas(byId('schemas'));
const form = new Form(byId('fields'), edited);
const result = new Result(byId('result'));
const figures = new Figures(byId('figures'));
const notices = new Notices(byId('notices'), start);
const reasoning = new Reasoning();
const timeline = new Timeline(byId('timeline'));
const costs = new Costs(byId('views'));
const wire = new Wire();
const announcer = new Announcer(byId('announcer'));
const codes = {
  curl: new Code('curl', snippets.curl),
  fetch: new Code('fetch', snippets.fetched),
  Python: new Code('Python', snippets.python),
  React: new Code('React', snippets.react),
};

let offers = { models: [], views: () => '', examples: () => [] };
let wanted = '';
let schema = null;
let record = null;
let run = null;
let frame = 0;
let clock = 0; // a timer that redraws the times while nothing comes

// -- what is chosen

async function choose(name) {
  wanted = name;
  const found = await service.schema(name);
  if (wanted !== name) return; // the user has chosen another schema meanwhile
  const views = schemas.viewsOf(name);
  schema = found;
  schemas.explain(found);
  form.reset(found);
  form.offer(offers.examples(name));
  steering.offerViews(views);
  steering.useModel(found.model);
  costs.reset(views);
  if (!isRunning()) clear();
  edited();
}

/** The old answer belongs to another request: begin with an empty answer. */
function clear() {
  record = null;
  result.reset(schema, form.values.count);
  reasoning.reset();
  const { names, fields } = lanes(schema.result);
  timeline.reset(names, fields);
  wire.reset(steering.view);
  draw();
}

function edited() {
  if (!schema) return;
  if (!record) result.expect(form.values.count);
  const asked = {
    base: address('./'),
    schema: schema.name,
    parameters: form.values,
    query: steering.query,
    withKey: 'Authorization' in steering.headers,
  };
  for (const code of Object.values(codes)) code.show(asked);
}

// -- a run

function isRunning() {
  return record !== null && !record.isOver;
}

async function start() {
  if (isRunning() || !schema || !form.check()) return;
  const request = {
    schema: schema.name,
    parameters: form.values,
    model: steering.model || undefined,
    view: steering.view,
    interval: steering.interval,
    reasoning: steering.reasoning,
    compared: costs.chosen,
    headers: steering.headers,
  };
  clear();
  const isList = Boolean(resolve(schema.result, schema.result).items);
  const expected = isList ? (form.values.count ?? null) : null;
  record = new Record({ view: request.view, lanes: lanes(schema.result).names, expected });
  run = new Run(request, record, changed);
  announcer.reset();
  goToAnswer();
  draw();
  await run.start();
  draw();
  if (record.error) explain(record.error);
}

function explain(error) {
  if (error.status === 401) steering.askForKey();
  if (error.code === 'invalid_request') form.complain(error.errors);
}

function stop() {
  if (isRunning()) run.stop();
}

/** On a narrow page the answer is below the form. */
function goToAnswer() {
  const { top } = byId('answer').getBoundingClientRect();
  if (top < innerHeight * 0.6) return;
  const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  byId('answer').scrollIntoView({ behavior: isCalm ? 'auto' : 'smooth' });
}

// -- drawing

function changed() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  cancelAnimationFrame(frame);
  frame = 0;
  const phase = record?.phase ?? 'ready';
  byId('state').dataset.state = phase;
  byId('state').textContent = PHASES[phase];
  showButtons();
  figures.show(record);
  notices.show(record);
  costs.show(record);
  if (!record) return;
  reasoning.show(record);
  result.show(record);
  timeline.show(record);
  wire.show(record);
  announcer.show(record);
  clearTimeout(clock);
  if (isRunning()) clock = setTimeout(changed, 100);
}

function showButtons() {
  const lost = document.activeElement;
  byId('start').setAttribute('aria-disabled', String(isRunning()));
  byId('start').textContent = isRunning() ? 'Streaming…' : record ? 'Start again' : 'Start';
  byId('stop').disabled = !isRunning();
  byId('cut').disabled = !isRunning() || record.id === null;
  if (lost?.disabled) byId('answer-title').focus({ preventScroll: true });
}

// -- the page

async function open() {
  const first = schemas.offer(await service.schemas(), name => surely(() => choose(name)));
  await choose(first);
  offers = await service.offers();
  steering.offerModels(offers.models);
  costs.explain(offers.views);
  form.offer(offers.examples(schema.name));
  edited();
}

/** Run something that calls the service. If it does not answer, say so and offer to try again. */
async function surely(work) {
  try {
    await work();
  } catch (error) {
    console.error(error);
    notices.fail({ code: 'unreachable', retryable: true }, () => surely(work));
  }
}

byId('request').addEventListener('submit', event => {
  event.preventDefault();
  start();
});
byId('stop').addEventListener('click', stop);
byId('cut').addEventListener('click', () => run.cut());
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') stop();
});
new Tabs(byId('tabs'), byId('panes'), {
  Wire: wire.element,
  ...Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, code.element])),
});
await surely(open);
