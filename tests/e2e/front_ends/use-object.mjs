// `useObject` of @ai-sdk/react. Without a page to render into, the hook is rendered once, as a
// server does, and its `submit` called: it reads the whole stream and tells `onFinish`.
import { experimental_useObject as useObject } from '@ai-sdk/react';
import { jsonSchema } from 'ai';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { given, report, words } from './report.mjs';

const { url, topic, parameters, headers } = given();

const found = await new Promise(resolve => {
  let hook;
  function Page() {
    hook = useObject({
      api: url,
      headers,
      schema: jsonSchema({}),
      onFinish: ({ object, error }) => resolve({ object, error: words(error) }),
      onError: error => resolve({ error: words(error) }),
    });
    return null;
  }
  renderToString(createElement(Page));
  hook.submit({ topic, ...parameters });
});
report(found);
