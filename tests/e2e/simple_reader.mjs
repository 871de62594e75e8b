// The simplest reader there is: of server-sent events it knows the blank line, and the first
// characters of a message. Prints what it has read as one line of JSON.
//
//     node simple_reader.mjs http://localhost:8000/ideas '{"topic": "tea"}'

const [url, body] = process.argv.slice(2);
const headers = { "Content-Type": "application/json" };
const response = await fetch(url, { method: "POST", headers, body });

const read = { status: response.status, partials: [], done: [], error: [], other: 0 };
const decoder = new TextDecoder();
let rest = "";
for await (const chunk of response.body) {
  const messages = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
  rest = messages.pop();
  for (const message of messages) {
    if (message.startsWith("data: ")) read.partials.push(JSON.parse(message.slice(6)));
    else if (message.startsWith("event: done")) read.done.push(data(message));
    else if (message.startsWith("event: error")) read.error.push(data(message));
    else read.other += 1;
  }
}
console.log(JSON.stringify({ ...read, rest }));

function data(message) {
  const line = message.split("\n")[1];
  return JSON.parse(line.slice("data: ".length));
}
