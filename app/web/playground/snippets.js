// Code that makes this request, and reads what comes. Pure.

/** @typedef {{base: string, schema: string, parameters: object, query: [string, string][], withKey: boolean}} Asked */

/** @param {Asked} asked */
export function curl({ base, schema, parameters, query, withKey }) {
  return [
    `curl -N ${shell(url(base, schema, query))} \\`,
    ...(withKey ? [`  -H "Authorization: Bearer $API_KEY" \\`] : []),
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${shell(JSON.stringify(parameters))}`,
  ].join('\n');
}

/** @param {Asked} asked */
export function fetched({ base, schema, parameters, query, withKey }) {
  return [
    `// Nothing to install.`,
    `const response = await fetch(${js(url(base, schema, read(query)))}, {`,
    `  method: "POST",`,
    `  headers: { "Content-Type": "application/json"${withKey ? ', Authorization: `Bearer ${key}`' : ''} },`,
    `  body: JSON.stringify(${js(parameters, '  ')}),`,
    `});`,
    `if (!response.ok) throw new Error((await response.json()).detail);`,
    `let text = "";`,
    `const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();`,
    `for (let part = await reader.read(); !part.done; part = await reader.read()) {`,
    `  const messages = (text += part.value).split("\\n\\n");`,
    `  text = messages.pop(); // the beginning of a message that is not whole`,
    `  for (const message of messages) {`,
    `    const event = message.match(/^event: (.*)$/m)?.[1] ?? "message";`,
    `    const data = JSON.parse(message.match(/^data: (.*)$/m)[1]);`,
    `    if (event === "message") console.log("so far", data);`,
    ...(query.some(([, value]) => value === 'items')
      ? [`    if (event === "item") console.log("one more", data);`]
      : []),
    `    if (event === "restart") console.log("begins again", data.code);`,
    `    if (event === "done") console.log("done", JSON.stringify(data));`,
    `    if (event === "error") throw new Error(data.error);`,
    `  }`,
    `}`,
  ].join('\n');
}

/** @param {Asked} asked */
export function eventSource({ base, schema, parameters, query, withKey }) {
  const given = Object.entries(parameters).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  const all = [...given, ...read(query), ['resumable', 'true']];
  const ticket = withKey ? ' + `&ticket=${ticket}`' : '';
  return [
    `// Nothing to install. After a lost connection it comes back by itself.`,
    ...(withKey
      ? [`// An EventSource sends no key: your server asks POST /tickets for a ticket.`]
      : []),
    `const source = new EventSource(${js(url(base, schema, all))}${ticket});`,
    query.some(([, value]) => value === 'items')
      ? `source.addEventListener("item", event => console.log("one more", JSON.parse(event.data)));`
      : `source.onmessage = event => console.log("so far", JSON.parse(event.data));`,
    `source.addEventListener("restart", () => console.log("begins again"));`,
    `source.addEventListener("done", event => {`,
    `  console.log("done", event.data);`,
    `  source.close();`,
    `});`,
    `source.onerror = event => {`,
    `  if (event.data) {`,
    `    console.error(JSON.parse(event.data).error);`,
    `    source.close();`,
    `  } else if (source.readyState === EventSource.CLOSED) console.error("Refused, or gone.");`,
    `};`,
  ].join('\n');
}

/**
 * The client reads the cheapest view, whichever view was chosen: the answer is the same.
 *
 * @param {Asked} asked
 */
export function python({ base, schema, parameters, query, withKey }) {
  const { model, interval_ms: interval, reasoning } = Object.fromEntries(query);
  return [
    `# pip install ./clients/python, from this service's repository`,
    ...(withKey ? [`import os`, ``] : []),
    `from structured_streams import stream_sync`,
    ``,
    `answer = stream_sync(`,
    `    ${js(base.replace(/\/$/, ''))},`,
    `    ${js(schema)},`,
    `    parameters={`,
    ...Object.entries(parameters).map(([name, value]) => `        ${js(name)}: ${py(value)},`),
    `    },`,
    ...(model ? [`    model=${js(model)},`] : []),
    ...(reasoning ? [`    reasoning=True,`] : []),
    ...(interval ? [`    interval_ms=${interval},`] : []),
    ...(withKey ? [`    api_key=os.environ["API_KEY"],`] : []),
    `)`,
    `for partial in answer:`,
    `    print(${reasoning ? 'partial.value or answer.reasoning' : 'partial.value'})`,
    `print(answer.final())`,
  ].join('\n');
}

/** @param {Asked} asked */
export function httpx({ base, schema, parameters, query, withKey }) {
  return [
    `# pip install httpx httpx-sse`,
    ...(withKey ? [`import os`, ``] : []),
    `import httpx`,
    `from httpx_sse import connect_sse`,
    ``,
    `url = ${js(url(base, schema, read(query)))}`,
    `parameters = ${py(parameters)}`,
    ...(withKey ? [`headers = {"Authorization": f"Bearer {os.environ['API_KEY']}"}`] : []),
    `with httpx.Client(timeout=30${withKey ? ', headers=headers' : ''}) as client:`,
    `    with connect_sse(client, "POST", url, json=parameters) as source:`,
    `        for event in source.iter_sse():`,
    `            if event.event != "ping":  # a heartbeat`,
    `                print(event.event, event.json())`,
  ].join('\n');
}

/** @param {Asked} asked */
export function react({ base, schema, parameters, query, withKey }) {
  const left = query.filter(
    ([name, value]) => name !== 'view' || ['snapshot', 'items'].includes(value),
  );
  const reasons = query.some(([name]) => name === 'reasoning');
  const options = withKey ? ', { headers: { Authorization: `Bearer ${key}` } }' : '';
  return [
    `// npm pack ./clients/js ./clients/react, in this service's repository, and npm install both`,
    `import { useStream } from "structured-streams-react";`,
    ``,
    `export function Answer() {`,
    `  const { value,${reasons ? ' reasoning,' : ''} error, isStreaming, start, stop } = useStream(${js(url(base, schema, left))}${options});`,
    `  return <>`,
    `    <button onClick={() => start(${js(parameters, '    ')})}>Start</button>`,
    ...buttons,
    ...(reasons
      ? [`    {reasoning && <details><summary>Reasoning</summary>{reasoning}</details>}`]
      : []),
    `    <pre>{JSON.stringify(value, null, 2)}</pre>`,
    `  </>;`,
    `}`,
  ].join('\n');
}

/** @param {Asked} asked */
export function useObject({ base, schema, parameters, query, withKey }) {
  const api = url(base, schema, viewed(query, 'text'));
  return [
    `// npm install @ai-sdk/react zod`,
    `import { experimental_useObject as useObject } from "@ai-sdk/react";`,
    `import { z } from "zod";`,
    ``,
    `export function Answer() {`,
    `  const { object: value, error, isLoading: isStreaming, submit, stop } = useObject({`,
    `    api: ${js(api)},`,
    ...(withKey ? [`    headers: { Authorization: \`Bearer \${key}\` },`] : []),
    `    schema: z.any(), // or the answer's own`,
    `  });`,
    `  return <>`,
    `    <button onClick={() => submit(${js(parameters, '    ')})}>Start</button>`,
    ...buttons,
    `    <pre>{JSON.stringify(value, null, 2)}</pre>`,
    `  </>;`,
    `}`,
  ].join('\n');
}

/** @param {Asked} asked */
export function useChat({ base, schema, parameters, query, withKey }) {
  const { topic = '', ...others } = parameters;
  const api = url(base, schema, viewed(query, 'ui-message'));
  const headers = withKey ? ', headers: { Authorization: `Bearer ${key}` }' : '';
  return [
    `// npm install ai @ai-sdk/react`,
    `import { useChat } from "@ai-sdk/react";`,
    `import { DefaultChatTransport } from "ai";`,
    ``,
    `const transport = new DefaultChatTransport({`,
    `  api: ${js(api)},`,
    `  body: ${js(others, '  ')}${headers},`,
    `});`,
    ``,
    `export function Answer() {`,
    `  const { messages, error, status, sendMessage, stop } = useChat({ transport });`,
    `  const isStreaming = status === "streaming";`,
    `  const part = messages.at(-1)?.parts.find(({ type }) => type === ${js(`data-${schema}`)});`,
    `  return <>`,
    `    <button onClick={() => sendMessage({ text: ${js(topic)} })}>Start</button>`,
    ...buttons,
    `    <pre>{JSON.stringify(part?.data, null, 2)}</pre>`,
    `  </>;`,
    `}`,
  ].join('\n');
}

const buttons = [
  `    {isStreaming && <button onClick={stop}>Stop</button>}`,
  `    {error && <p role="alert">{error.message}</p>}`,
];

/** The query of a reader that shows the answer so far: it reads values, or elements. */
function read(query) {
  return query.filter(([name, value]) => name !== 'view' || value === 'items');
}

function viewed(query, view) {
  return [['view', view], ...query.filter(([name]) => name !== 'view')];
}

function url(base, schema, query) {
  const search = new URLSearchParams(query).toString();
  return `${base}${schema}${search ? `?${search}` : ''}`;
}

/** A shell's single quotes protect every character but the single quote itself. */
function shell(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A JavaScript literal. JSON is one, since JavaScript also allows U+2028 in strings. */
function js(value, indent = '') {
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${indent}`);
}

function py(value) {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (Array.isArray(value)) return `[${value.map(py).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${py(inner)}`)
    .join(', ')}}`;
}
