// The playground: choose a schema, fill in its form, watch the answer take shape.
//
//     form, steering ─ request ─▶ run ─ states, bytes ─▶ record ─▶ result, figures, wire, …
//                                  │
//                    ../client (clients/js): reads the stream, comes back, stops it
//
// A run writes into a record, and all that is shown is drawn from the record, once a frame.

import { Announcer } from './announcer.js';
import { Beside } from './beside.js';
import { Codes } from './codes.js';
import { Costs } from './costs.js';
import { byId } from './element.js';
import { Figures } from './figures.js';
import { Follow, isCalm } from './follow.js';
import { Form } from './form.js';
import { Link } from './link.js';
import { Notices } from './notices.js';
import { Player } from './player.js';
import { Reasoning } from './reasoning.js';
import { Record } from './record.js';
import { Replay } from './replay.js';
import { Result } from './result.js';
import { Run } from './run.js';
import { Schemas } from './schemas.js';
import { address, Service } from './service.js';
import { lanes } from './shape.js';
import { State } from './state.js';
import { Steering } from './steering.js';
import { Tabs } from './tabs.js';
import { Timeline } from './timeline.js';
import { Trace } from './trace.js';
import { Wire } from './wire.js';

const steering = new Steering(edited);
const service = new Service(() => steering.headers);
const schemas = new Schemas(byId('schemas'));
const form = new Form(byId('fields'), edited);
const state = new State();
const result = new Result(byId('result'));
const beside = new Beside();
const figures = new Figures(byId('figures'));
const notices = new Notices(
  byId('notices'),
  () => start(),
  failed => beside.attempt(failed, asked),
);
const reasoning = new Reasoning();
const timeline = new Timeline(byId('timeline'));
const costs = new Costs(byId('views'));
const wire = new Wire();
const trace = new Trace(result, wire, timeline);
const follow = new Follow();
const replay = new Replay({ result, timeline, wire });
const player = new Player((moment, next) => {
  if (!moment) return draw();
  if (!replay.isShown) follow.begin();
  replay.show(asked.schema.result, record, moment, next);
  follow.show(result.open);
});
const announcer = new Announcer(byId('announcer'));
const codes = new Codes();
const link = new Link(byId('share'));
const tabs = new Tabs(byId('tabs'), byId('panes'), { Wire: wire.element, ...codes.elements });
let offers = { models: [], views: () => '', examples: () => [] };
let wanted = '';
let isEager = false; // whether to start once the schema is there
let schema = null;
let asked = null; // the schema of the answer that is shown, and how many elements to expect
let record = null;
let runs = []; // that which is shown, and that of the model beside it
let frame = 0;
let clock = 0; // a timer that redraws the times while nothing comes

// -- what is chosen

async function choose(name) {
  wanted = name;
  isEager = false;
  draw();
  const found = await service.schema(name);
  if (wanted !== name) return; // the user has chosen another schema meanwhile
  schema = found;
  schemas.explain(found);
  form.reset(found);
  form.offer(offers.examples(name));
  steering.offerViews(schemas.viewsOf(name));
  steering.useModel(found.model);
  costs.reset(schemas.viewsOf(name));
  if (!isRunning()) clear();
  edited();
  if (isEager) start();
}

/** Whether the form is that of the schema that is chosen. */
function isReady() {
  return schema?.name === wanted;
}

/** The old answer belongs to another request: begin with an empty answer. */
function clear() {
  record = null;
  asked = { schema, expected: form.values.count };
  result.reset(schema, asked.expected);
  beside.close();
  reasoning.reset();
  const { names, fields } = lanes(schema.result);
  timeline.reset(names, fields);
  wire.reset(steering.view);
  draw();
}

function edited() {
  if (!isReady()) return;
  if (!record) result.expect(form.values.count);
  codes.show({
    base: address('./'),
    schema: schema.name,
    parameters: form.values,
    query: steering.query,
    withKey: 'Authorization' in steering.headers,
  });
  link.keep(schema.name, form.values, steering.chosen);
}

// -- a run

function isRunning() {
  return record !== null && !record.isOver;
}

async function start({ isGreeting = false } = {}) {
  isEager = !isReady();
  if (isRunning() || isEager || !form.check()) return;
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
  tabs.offer('Wire');
  record = Record.of(schema, request);
  runs = [new Run(request, record, changed)];
  if (steering.beside) compare({ ...request, model: steering.beside, compared: [] });
  announcer.reset();
  follow.begin(isGreeting);
  draw();
  await runs[0].start();
  draw();
  if (record.phase !== 'done') follow.tell();
  if (record.error) explain(record.error);
}

/** Ask another model the same, and show its answer beside the first. */
function compare(request) {
  const other = Record.of(schema, request);
  const run = new Run(request, other, () => beside.show(other));
  runs.push(run);
  beside.open(request.model, asked);
  run.start();
}

function explain(error) {
  if (error.status === 401) steering.askForKey();
  if (error.code === 'invalid_request') form.complain(error.errors);
}

const stop = () => runs.forEach(run => run.stop());

// -- drawing

function changed() {
  frame ||= requestAnimationFrame(draw);
}

function draw() {
  cancelAnimationFrame(frame);
  frame = 0;
  state.show(record, { isReady: isReady(), isRunning: isRunning() });
  figures.show(record);
  notices.show(record);
  costs.show(record);
  trace.show(record);
  player.show(record);
  replay.end();
  if (!record) return;
  reasoning.show(record);
  result.show(record);
  timeline.show(record);
  wire.show(record);
  follow.show(isRunning() ? result.open : null);
  announcer.show(record);
  clearTimeout(clock);
  if (isRunning()) clock = setTimeout(changed, 100);
}

// -- the page

async function open() {
  const linked = link.read();
  const summaries = await service.schemas();
  const first = schemas.offer(summaries, name => surely(() => choose(name)), linked?.schema);
  await choose(first);
  offers = await service.offers();
  steering.offerModels(offers.models);
  costs.explain(offers.views);
  form.offer(offers.examples(schema.name));
  if (linked && linked.schema === schema.name) {
    form.fill(linked.parameters);
    steering.use(linked.steering);
  }
  edited();
  greet();
}

/** Something moves at first: an answer of the demo model, which costs nothing; else the code. */
function greet() {
  const isDemo = offers.models[0] === 'demo' && steering.model === 'demo';
  if (isDemo && !isCalm() && !document.hidden) start({ isGreeting: true });
  else tabs.offer('curl');
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
byId('cut').addEventListener('click', () => runs[0].cut());
document.addEventListener('keydown', event => {
  if (event.key === 'Escape') stop();
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) start();
});
await surely(open);
