// `readUIMessageStream` of the AI SDK, which reads on after an error.
// `messages`: the message, each time that it changes.
import { DefaultChatTransport, readUIMessageStream } from 'ai';
import { given, report, words } from './report.mjs';

const { url, topic, parameters, headers } = given();

const transport = new DefaultChatTransport({ api: url, headers, body: parameters });
const errors = [];
const messages = [];
try {
  const stream = await transport.sendMessages({
    chatId: 'c1',
    trigger: 'submit-message',
    messages: [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: topic }] }],
  });
  const onError = error => errors.push(words(error));
  for await (const message of readUIMessageStream({ stream, onError })) messages.push(message);
} catch (error) {
  errors.push(words(error));
}
report({ messages, errors });
