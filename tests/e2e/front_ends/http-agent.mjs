// `HttpAgent` of @ag-ui/client. `states`: the agent's state, each time that it changes;
// `error`: the run's own, which `onRunErrorEvent` alone is told; `failure`: what was thrown;
// `warnings`: what it complains of, such as a field that the protocol doesn't know.
import { HttpAgent } from '@ag-ui/client';
import { given, report, words } from './report.mjs';

const { url, topic, parameters, headers } = given();

const warnings = [];
console.warn = (...said) => warnings.push(said.map(String).join(' '));
console.error = () => {}; // what it throws as well

const events = [];
const states = [];
const agent = new HttpAgent({ url, headers, threadId: 't1' });
if (topic !== null) agent.addMessage({ id: 'u1', role: 'user', content: topic });

let result = null;
let error = null;
let failure = null;
try {
  ({ result } = await agent.runAgent(
    { runId: 'r1', forwardedProps: parameters },
    {
      onEvent: ({ event }) => void events.push(event),
      onRunErrorEvent: ({ event }) => void (error = event.message),
      onStateChanged: ({ state }) => void states.push(structuredClone(state)),
    },
  ));
} catch (thrown) {
  failure = words(thrown);
}
report({
  events,
  states,
  state: agent.state,
  messages: agent.messages,
  result: result ?? null,
  error,
  failure,
  warnings,
});
