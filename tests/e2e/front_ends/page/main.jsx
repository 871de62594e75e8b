// The hooks of @ai-sdk/react, in a page.
//
//     index.html?hook=useChat&api=/ideas?view=ui-message&options={…}&report=/report
//
// What was rendered, each time that it changed, and how it ended is posted to `report`.
import { experimental_useObject as useObject, useChat } from '@ai-sdk/react';
import { DefaultChatTransport, jsonSchema } from 'ai';
import { useEffect, useRef } from 'react';
import { createRoot } from 'react-dom/client';

const query = new URLSearchParams(location.search);
const api = query.get('api');
const { topic = 'tea', parameters = {}, headers = {} } = JSON.parse(query.get('options') ?? '{}');
const schema = jsonSchema({});

const rendered = [];

function useRendered(value) {
  const text = JSON.stringify(value);
  useEffect(() => {
    if (text !== undefined) rendered.push(JSON.parse(text));
  }, [text]);
}

function useOnce(begin) {
  const begun = useRef(false);
  useEffect(() => {
    if (!begun.current) {
      begun.current = true;
      begin();
    }
  }, []);
}

/** Tells the test how it ended, once the last state has been rendered. */
function useReport(ended, found) {
  useEffect(() => {
    if (!ended) return;
    const body = JSON.stringify({ rendered, ...found });
    fetch(query.get('report'), { method: 'POST', body });
  }, [ended]);
}

function WithUseObject() {
  const finished = useRef(false);
  const { object, submit, error, isLoading } = useObject({
    api,
    headers,
    schema,
    onFinish: () => (finished.current = true),
  });
  useRendered(object);
  useOnce(() => submit({ topic, ...parameters }));
  useReport(!isLoading && (finished.current || error != null), {
    object,
    finished: finished.current,
    error: error?.message ?? null,
  });
  return <pre>{JSON.stringify(object)}</pre>;
}

function WithUseChat() {
  const transport = useRef(new DefaultChatTransport({ api, headers, body: parameters }));
  const { messages, sendMessage, status, error } = useChat({ transport: transport.current });
  const answer = messages.find(message => message.role === 'assistant');
  const part = answer?.parts.find(part => part.type.startsWith('data-'));
  const begun = useRef(false);
  useRendered(part?.data);
  useOnce(() => {
    begun.current = true;
    sendMessage({ text: topic });
  });
  useReport(begun.current && (status === 'error' || (status === 'ready' && answer != null)), {
    messages,
    status,
    error: error?.message ?? null,
  });
  return <pre>{JSON.stringify(part?.data)}</pre>;
}

const Hook = { useObject: WithUseObject, useChat: WithUseChat }[query.get('hook')];
createRoot(document.getElementById('root')).render(<Hook />);
