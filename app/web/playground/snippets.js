// Code that makes exactly this request, in four languages. Pure.

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
    `const response = await fetch(${js(url(base, schema, query))}, {`,
    `  method: "POST",`,
    `  headers: { "Content-Type": "application/json"${withKey ? ', Authorization: `Bearer ${key}`' : ''} },`,
    `  body: JSON.stringify(${js(parameters, '  ')}),`,
    `});`,
    `if (!response.ok) throw new Error((await response.json()).detail);`,
    `for await (const text of response.body.pipeThrough(new TextDecoderStream())) {`,
    `  console.log(text);`,
    `}`,
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
export function react({ base, schema, parameters, query, withKey }) {
  const own = ['snapshot', 'delta', 'items'];
  const left = query.filter(
    ([name, value]) => name !== 'view' || (own.includes(value) && value !== 'delta'),
  );
  const reasons = query.some(([name]) => name === 'reasoning');
  const options = withKey ? ', { headers: { Authorization: `Bearer ${key}` } }' : '';
  return [
    `import { useStream } from "structured-streams-react";`,
    ``,
    `export function Answer() {`,
    `  const { value,${reasons ? ' reasoning,' : ''} error, isStreaming, start, stop } = useStream(${js(url(base, schema, left))}${options});`,
    `  return <>`,
    `    <button onClick={() => start(${js(parameters, '    ')})}>Start</button>`,
    `    {isStreaming && <button onClick={stop}>Stop</button>}`,
    `    {error && <p role="alert">{error.message}</p>}`,
    ...(reasons ? [`    {reasoning && <details><summary>Reasoning</summary>{reasoning}</details>}`] : []),
    `    <pre>{JSON.stringify(value, null, 2)}</pre>`,
    `  </>;`,
    `}`,
  ].join('\n');
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
