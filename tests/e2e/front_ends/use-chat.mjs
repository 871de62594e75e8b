// `Chat` of @ai-sdk/react, which `useChat` shows, with its DefaultChatTransport.
// `states`: the data of the part, each time that it is replaced.
import { Chat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import { given, report, words } from './report.mjs';

const { url, topic, parameters, headers } = given();

const states = [];
const finishes = [];
const chat = new Chat({
  transport: new DefaultChatTransport({ api: url, headers, body: parameters }),
  onData: part => states.push(structuredClone(part)),
  onFinish: ({ isError, isAbort, isDisconnect, finishReason }) =>
    finishes.push({ isError, isAbort, isDisconnect, finishReason }),
});
await chat.sendMessage({ text: topic });
report({
  states,
  finishes,
  messages: chat.messages,
  status: chat.status,
  error: words(chat.error),
});
